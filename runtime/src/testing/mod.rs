//! A host for one component alone, which writes down what the component asks of it: for ordinary tests.
//!
//! ```
//! use flip_runtime::testing::{TestHost, context, float32};
//! use flip_runtime::{DataKind, Dxo, Runtime};
//!
//! let runtime = Runtime::new()?;
//! let component = runtime.load("percentile-privacy")?; // or the path of your component's .wasm
//! let host = TestHost::new(&runtime)?;
//! let mut filter = host.instance(&component).args(r#"{"percentile": 50, "gamma": 0.25}"#).build()?;
//!
//! let tensor = float32(&[4], &[0.01, -0.1, 0.2, -4.0])?;
//! let update = Dxo::of_tensors(DataKind::WeightDiff, [("layer.weight".to_owned(), tensor)]).unwrap();
//! let filtered = filter.filter(update, &context())?;
//!
//! let expected = float32(&[4], &[0.0, 0.0, 0.2, -0.25])?.to_bytes()?;
//! assert_eq!(filtered.dxo.tensors().unwrap()["layer.weight"].to_bytes()?, expected);
//! assert!(host.calls().is_empty()); // it asked for no file, no object, and told nobody
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Of a component that uses more, the test says what it is granted, what lies there, and how the host
//! answers; afterwards it looks at what was asked and what is left:
//!
//! ```
//! use flip_runtime::testing::{Answer, TestHost, context};
//! use flip_runtime::testing::Found;
//! use flip_runtime::{ContractError, DataKind, Dxo, ReturnCode, Runtime, Shareable};
//!
//! let runtime = Runtime::new()?;
//! let component = runtime.load("cleanup-images")?;
//! let down = ContractError::Unavailable("the disk is away".to_owned());
//! let host = TestHost::new(&runtime)?
//!     .file("images/net-1/scan", "pixels")?
//!     .answer("cleanup clear images/*", Answer::failing(down));
//! let mut executor = host.instance(&component).build()?;
//!
//! let reply = executor.execute("init_training", Shareable::ok(Dxo::new(DataKind::Metrics)), &context())?;
//! assert_eq!(reply.return_code, ReturnCode::ExecutionException);
//! let calls: Vec<_> = host.calls().iter().map(ToString::to_string).collect();
//! assert_eq!(calls, ["storage open images", "cleanup clear images/* = unavailable"]);
//! assert_eq!(host.tree()?["images/net-1/scan"], Found::File(b"pixels".to_vec()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `flip-wasm test` runs case files on this host.

mod peers;
mod script;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::builtin::BUILTINS;
use crate::component::Component;
use crate::context::FlContext;
use crate::error::Error;
use crate::host::log::{Level, RecordedLog};
use crate::inspect::Digest;
use crate::instance::InstanceBuilder;
use crate::policy::{Grants, Policy};
use crate::runtime::Runtime;
use crate::services::{HubRequest, Layout, RecordedHub, Root, ServiceError, Services, Store, StoreOptions};
use crate::tensor::{Dtype, Tensor, TensorError};
pub use peers::{Peer, TestPeers};
use script::Script;
pub use script::{Answer, HostCall};

/// The folder of objects, beside those that grants name.
const OBJECTS: &str = "objects";

/// What a component's wall clock shows where the test does not say: the first second of 2000.
const NOW: Duration = Duration::from_secs(946_684_800);

/// What a folder holds.
pub type Tree = BTreeMap<String, Found>;

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file with these contents.
    File(Vec<u8>),
    /// A link to this.
    Link(PathBuf),
    /// A folder without anything in it.
    EmptyFolder,
}

/// A host for one component, in folders of its own.
pub struct TestHost {
    folder: TempDir,
    grants: Option<Grants>,
    now: Duration,
    script: Arc<Script>,
    log: Arc<RecordedLog>,
    hub: Arc<RecordedHub>,
    peers: TestPeers,
    store: Arc<Store>,
}

impl TestHost {
    /// A host with empty folders, an empty object store, a hub that takes everything, and no other components.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the folders cannot be made.
    pub fn new(runtime: &Runtime) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file(std::env::temp_dir()))?;
        for name in Root::ALL.map(Root::name).into_iter().chain([OBJECTS]) {
            let path = folder.path().join(name);
            fs::create_dir(&path).map_err(Error::file(path))?;
        }
        let no_url = || ServiceError::InvalidArgument("the temporary folder has no absolute path".to_owned());
        let url = Store::url_of(&folder.path().join(OBJECTS)).ok_or_else(no_url)?;
        let store = Store::open(&url, [], StoreOptions::default(), runtime.tokio().clone())?;
        Ok(Self {
            folder,
            grants: None,
            now: NOW,
            script: Arc::default(),
            log: Arc::default(),
            hub: Arc::default(),
            peers: TestPeers::default(),
            store: Arc::new(store),
        })
    }

    /// Grants what these lines of a policy say. Without this a built-in component is granted what its own policy
    /// says, and any other nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`] where they are no lines of a policy.
    pub fn granting(self, lines: &str) -> Result<Self, Error> {
        let path = PathBuf::from("the grants of the test");
        let policy = format!("[components.it]\n{lines}").parse::<Policy>();
        let policy = policy.map_err(|error| Error::Policy { path, reason: error.to_string() })?;
        let grants = policy.grants(&["it"]).cloned().unwrap_or_default();
        Ok(self.with_grants(grants))
    }

    /// Grants this.
    pub fn with_grants(mut self, grants: Grants) -> Self {
        self.grants = Some(grants);
        self
    }

    /// Stops the wall clock at this time. It stands at the beginning of 2000 without this, so that what a
    /// component names by the time has the same name in every test.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.now = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self
    }

    /// Puts a file there, such as `job/model.pt`, and the folders above it. The first part is the name of a
    /// directory that grants can name, or `objects`.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.plant(path, &Found::File(contents.as_ref().to_vec()))?;
        Ok(self)
    }

    /// Puts something there, as [`TestHost::file`] does.
    ///
    /// # Errors
    ///
    /// [`Error::File`], and [`Error::InvalidData`] for a path that is not in one of the folders.
    pub fn plant(&self, path: &str, what: &Found) -> Result<(), Error> {
        let known = Root::ALL.map(Root::name);
        let (first, inner) = path.split_once('/').unwrap_or((path, ""));
        let parts_ok = !inner.split('/').any(|part| matches!(part, "" | "." | ".."));
        if !(known.contains(&first) || first == OBJECTS) || !parts_ok {
            let known = known.join(", ");
            return Err(Error::InvalidData(format!("{path:?} is no path in one of: {known}, {OBJECTS}")));
        }
        let place = self.folder.path().join(path);
        // What is planted stays in these folders: nothing goes through a link that is there.
        let above = place.ancestors().take_while(|above| *above != self.folder.path());
        if above.into_iter().any(|above| above.is_symlink()) {
            return Err(Error::InvalidData(format!("{path:?} lies behind a link, or is one already")));
        }
        let parent = place.parent().unwrap_or(self.folder.path());
        fs::create_dir_all(parent).map_err(Error::file(parent))?;
        let planted = match what {
            Found::File(contents) => fs::write(&place, contents),
            Found::Link(target) => std::os::unix::fs::symlink(target, &place),
            Found::EmptyFolder => fs::create_dir_all(&place),
        };
        planted.map_err(Error::file(place))
    }

    /// The next call that reads like this, such as `object-store put key`, ends like this. [`HostCall`] says how
    /// calls read.
    pub fn answer(self, call: &str, answer: Answer) -> Self {
        self.script.answer(call, answer);
        self
    }

    /// Another component of the job, by its id.
    pub fn peer(mut self, id: &str, peer: Peer) -> Self {
        self.peers.add(id, peer);
        self
    }

    /// Begins to make an instance of the component on this host.
    pub fn instance(&self, component: &Component) -> InstanceBuilder {
        let own = || {
            let of_its_name = BUILTINS.iter().find(|builtin| builtin.class == component.name())?;
            let same = Digest::of(of_its_name.wasm) == component.inspection().sha256;
            if same { of_its_name.grants().ok() } else { None }
        };
        let grants = self.grants.clone().or_else(own).unwrap_or_default();
        let layout = Root::ALL
            .into_iter()
            .fold(Layout::new(), |layout, root| layout.with(root, self.folder.path().join(root.name())));
        let services = Services {
            directories: Some(Arc::new(layout)),
            object_store: Some(self.store.clone()),
            hub: Some(self.hub.clone()),
            events: Some(Arc::new(script::Unheard)),
            peers: Some(Arc::new(self.peers.clone())),
        };
        let builder = component.instance().grants(grants).services(services);
        builder.log(self.log.clone()).telling(self.script.clone()).clock(self.now)
    }

    /// What the component asked for so far, in order: each call that touches a file, an object, the hub, the
    /// job's events or another component.
    pub fn calls(&self) -> Vec<HostCall> {
        self.script.calls()
    }

    /// The answers that no call has taken.
    pub fn unused_answers(&self) -> Vec<String> {
        self.script.unused()
    }

    /// The lines that it logged.
    pub fn log(&self) -> Vec<(Level, String)> {
        self.log.lines()
    }

    /// The requests that the hub got.
    pub fn hub_requests(&self) -> Vec<HubRequest> {
        self.hub.requests()
    }

    /// Everything in the directories that grants name.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where something cannot be read.
    pub fn tree(&self) -> Result<Tree, Error> {
        let mut tree = Tree::new();
        for root in Root::ALL.map(Root::name) {
            list(&self.folder.path().join(root), root, &mut tree)?;
        }
        // The folders themselves are there from the start.
        tree.retain(|path, _| path.contains('/'));
        Ok(tree)
    }

    /// The objects, by their keys.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where something cannot be read.
    pub fn objects(&self) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let mut tree = Tree::new();
        list(&self.folder.path().join(OBJECTS), OBJECTS, &mut tree)?;
        let objects = tree.into_iter().filter_map(|(path, found)| match found {
            Found::File(contents) => Some((path.strip_prefix("objects/")?.to_owned(), contents)),
            _ => None,
        });
        Ok(objects.collect())
    }
}

fn list(folder: &Path, name: &str, tree: &mut Tree) -> Result<(), Error> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(Error::file(folder))?;
    if entries.is_empty() {
        tree.insert(name.to_owned(), Found::EmptyFolder);
    }
    for entry in entries {
        let path = entry.path();
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(Error::file(&path))?;
        if kind.is_dir() {
            list(&path, &name, tree)?;
        } else if kind.is_symlink() {
            tree.insert(name, Found::Link(fs::read_link(&path).map_err(Error::file(&path))?));
        } else {
            tree.insert(name, Found::File(fs::read(&path).map_err(Error::file(&path))?));
        }
    }
    Ok(())
}

/// The context of a call, at `site-1` in `job-1`.
pub fn context() -> Arc<FlContext> {
    Arc::new(FlContext { job_id: "job-1".to_owned(), identity: "site-1".to_owned(), ..FlContext::default() })
}

/// A float32 tensor of these values, row-major.
///
/// # Errors
///
/// [`TensorError`] where the shape has another number of elements.
pub fn float32(shape: &[u64], values: &[f32]) -> Result<Tensor, TensorError> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor::new(Dtype::Float32, shape, bytes)
}
