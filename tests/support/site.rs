//! A site with an errand runner: what the operator granted, the folders, the services.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use flip_runtime::services::{Layout, RecordedHub, RecordedStore, Root, Store, StoreOptions};
use flip_runtime::{Component, FlContext, Grants, Instance, Limits, Policy, RecordedLog, Services};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{context, runtime};

/// A component that makes the host calls that its args say; see its source for the errands.
pub const ERRAND: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/errand.wasm"));

/// The file of [`ERRAND`].
pub fn errand_file() -> PathBuf {
    PathBuf::from(concat!(env!("OUT_DIR"), "/errand.wasm"))
}

/// The guest of [`ERRAND`], loaded once.
pub fn errand() -> Component {
    static COMPONENT: LazyLock<Component> = LazyLock::new(|| runtime().load_bytes("Errand", ERRAND).unwrap());
    COMPONENT.clone()
}

/// Args that do these errands on the event `go`.
pub fn on_go(errands: impl Into<Value>) -> String {
    json!({"on": {"go": errands.into()}}).to_string()
}

/// What is granted by these lines of a policy.
///
/// # Panics
///
/// Where they are no lines of a policy.
#[track_caller]
pub fn granted(lines: &str) -> Grants {
    let policy: Policy = format!("[components.Errand]\n{lines}").parse().unwrap();
    policy.grants(&["Errand"]).unwrap().clone()
}

/// Everything that can be granted, save limits.
pub const EVERYTHING: &str = r#"
    directories = { job = "read-write", workspace = "read-write", images = "read-write" }
    cleanup = ["job/*", "workspace/*", "images/*"]
    object-store = ["put", "put-archive", "get", "head"]
    hub = ["update-status", "send-metric", "send-exception"]
    events = ["a", "b", "_fatal_system_error"]
    peers = ["results-generator", "results-persistor", "model-persistor"]
"#;

/// All that a filter can be granted.
pub const RESHAPING: &str = r#"may-change = ["names", "shapes"]"#;

/// A site: folders of its own, and services that record.
pub struct Site {
    folder: TempDir,
    /// The lines of the policy.
    pub policy: String,
    /// What the errand runner may use.
    pub limits: Limits,
    /// What serves it.
    pub services: Services,
    /// The hub among them.
    pub hub: Arc<RecordedHub>,
    /// The object store among them.
    pub store: Arc<RecordedStore<Store>>,
    /// The context of its calls.
    pub context: Arc<FlContext>,
}

impl Site {
    /// A site whose operator granted this.
    ///
    /// # Panics
    ///
    /// Where it cannot be set up.
    pub fn granting(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut layout = Layout::new();
        for root in [Root::Job, Root::Workspace, Root::Images] {
            let path = folder.path().join(root.name());
            std::fs::create_dir(&path).unwrap();
            layout = layout.with(root, path);
        }
        let hub = Arc::new(RecordedHub::default());
        let store = Store::open("memory://", [], StoreOptions::default(), runtime().tokio().clone()).unwrap();
        let store = Arc::new(RecordedStore::new(store));
        Self {
            folder,
            policy: policy.to_owned(),
            limits: Limits::default(),
            services: Services {
                directories: Some(Arc::new(layout)),
                object_store: Some(store.clone()),
                hub: Some(hub.clone()),
                ..Services::default()
            },
            hub,
            store,
            context: context(),
        }
    }

    /// A site whose operator granted everything.
    pub fn granting_everything() -> Self {
        Self::granting(EVERYTHING)
    }

    /// A path in its folder, such as `job/a`.
    pub fn path(&self, inner: &str) -> PathBuf {
        self.folder.path().join(inner)
    }

    /// Writes a file, and the folders above it.
    ///
    /// # Panics
    ///
    /// Where it cannot.
    pub fn write(&self, inner: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(inner);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    /// What a file holds.
    ///
    /// # Panics
    ///
    /// Where it is not there.
    #[track_caller]
    pub fn read(&self, inner: &str) -> String {
        std::fs::read_to_string(self.path(inner)).unwrap()
    }

    /// The names in a folder, in order.
    ///
    /// # Panics
    ///
    /// Where it is not there.
    #[track_caller]
    pub fn names(&self, inner: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(inner)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Makes a link.
    ///
    /// # Panics
    ///
    /// Where it cannot.
    pub fn link(&self, target: impl AsRef<Path>, inner: &str) {
        std::os::unix::fs::symlink(target, self.path(inner)).unwrap();
    }

    /// An errand runner at this site, and its log.
    ///
    /// # Panics
    ///
    /// Where it cannot be configured.
    #[track_caller]
    pub fn runner(&self, args: String) -> (Instance, Arc<RecordedLog>) {
        let log = Arc::new(RecordedLog::default());
        let component = errand();
        let builder = component.instance().args(args).limits(self.limits.clone());
        let builder = builder.grants(granted(&self.policy)).services(self.services.clone());
        (builder.log(log.clone()).build().unwrap(), log)
    }

    /// Has these errands done by a new runner; their outcomes.
    ///
    /// # Panics
    ///
    /// Where the call into the runner fails, or an outcome is missing.
    #[track_caller]
    pub fn run(&self, errands: Vec<Value>) -> Vec<String> {
        let expected = errands.len();
        let (mut runner, log) = self.runner(on_go(errands));
        runner.handle_event("go", &self.context).unwrap();
        let outcomes = lines(&log);
        assert_eq!(outcomes.len(), expected);
        outcomes
    }

    /// Has one errand done by a new runner; its outcome.
    ///
    /// # Panics
    ///
    /// As [`Site::run`].
    #[track_caller]
    pub fn does(&self, errand: Value) -> String {
        self.run(vec![errand]).remove(0)
    }

    /// Each errand ends as it should.
    ///
    /// # Panics
    ///
    /// Where one does not.
    #[track_caller]
    pub fn assert_outcomes<const N: usize>(&self, expected: [(Value, &str); N]) {
        let errands = expected.iter().map(|(errand, _)| errand.clone()).collect();
        for (outcome, (errand, expected)) in self.run(errands).iter().zip(&expected) {
            assert_eq!(outcome, expected, "{errand:.200}");
        }
    }
}

/// The lines of a log.
pub fn lines(log: &RecordedLog) -> Vec<String> {
    log.lines().into_iter().map(|(_, line)| line).collect()
}
