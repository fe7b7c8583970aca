//! Services that fail, or panic, at one call of a whole run: at each in turn. What calls them is told, the run
//! comes to its end, and results are stored or still where they were.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use flip_runtime::services::{
    ArchiveLimits, Archived, Call, Caller, Directories, Events, Hub, HubMessage, Layout, LookupError,
    ModelPersistor, ObjectMeta, ObjectStore, Peers, RecordedHub, ResultsGenerator, ResultsPersistor, Root,
    ServiceError,
};
use flip_runtime::{Builtin, Code, Error, FlContext, Services};
use flip_wasm_tests::job::{JOB_FOLDER, MODEL_ID, RESULTS, StandardJob, memory};
use flip_wasm_tests::{context, runtime};

/// How the call of a number goes wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Error,
    Panic,
}

/// Services that work, save at one of all their calls.
struct Faulty {
    fault: Fault,
    at: usize,
    calls: AtomicUsize,
    hub: RecordedHub,
    store: Arc<dyn ObjectStore>,
    layout: Layout,
    archived: AtomicUsize,
}

impl Faulty {
    fn at(at: usize, fault: Fault, layout: Layout) -> Arc<Self> {
        Arc::new(Self {
            fault,
            at,
            calls: AtomicUsize::new(0),
            hub: RecordedHub::default(),
            store: memory(),
            layout,
            archived: AtomicUsize::new(0),
        })
    }

    /// Counts the call, and says whether it is the one.
    fn fails(&self) -> bool {
        let fails = self.calls.fetch_add(1, Ordering::Relaxed) == self.at;
        assert!(!fails || matches!(self.fault, Fault::Error), "a bug in the service");
        fails
    }

    fn check(&self) -> Result<(), ServiceError> {
        match self.fails() {
            true => Err(ServiceError::Unavailable("down".to_owned())),
            false => Ok(()),
        }
    }

    /// Whether the run was over before it came to the call.
    fn is_over(&self) -> bool {
        self.calls.load(Ordering::Relaxed) <= self.at
    }

    /// The results are in an archive, or whole in the job's folder.
    fn assert_results_are_safe(&self, job: &StandardJob, what: &str) {
        let kept = job.files(JOB_FOLDER);
        let archived = self.archived.load(Ordering::Relaxed);
        let model = kept.keys().any(|name| name.ends_with("FL_global_model.pt"));
        assert!(archived == 1 || archived == 0 && model, "{what}: {archived} archives, {:?}", kept.keys());
        assert!(!job.files("workspace").keys().any(|name| name.contains(".tmp")), "{what}");
    }
}

impl Hub for Faulty {
    fn send(&self, call: &Call, message: &HubMessage) -> Result<(), ServiceError> {
        self.check()?;
        self.hub.send(call, message)
    }
}

impl ObjectStore for Faulty {
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        self.check()?;
        self.store.put(call, key, contents)
    }

    fn put_archive(
        &self,
        call: &Call,
        key: &str,
        source: &Dir,
        limits: ArchiveLimits,
    ) -> Result<Archived, ServiceError> {
        self.check()?;
        let archived = self.store.put_archive(call, key, source, limits)?;
        self.archived.fetch_add(1, Ordering::Relaxed);
        Ok(archived)
    }

    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<bytes::Bytes, ServiceError> {
        self.check()?;
        self.store.get(call, key, offset, len)
    }

    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError> {
        self.check()?;
        self.store.head(call, key)
    }
}

impl Directories for Faulty {
    fn open(&self, root: Root) -> io::Result<Dir> {
        match self.fails() {
            true => Err(io::ErrorKind::PermissionDenied.into()),
            false => self.layout.open(root),
        }
    }
}

impl Events for Faulty {
    fn fire(&self, _: &str, _: Caller<'_>) {
        self.fails();
    }

    fn system_panic(&self, _: &str, _: Caller<'_>) {
        self.fails();
    }
}

impl Peers for Faulty {
    fn results_generator(&self, _: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError> {
        Err(LookupError::NotFound)
    }

    fn results_persistor(&self, _: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError> {
        Err(LookupError::NotFound)
    }

    fn model_persistor(&self, _: &str) -> Result<Arc<dyn ModelPersistor>, LookupError> {
        match self.fails() {
            true => Err(LookupError::NotFound),
            // Its inventory is the next of the calls.
            false => {
                Ok(Arc::new(Inventory(self.fault, self.calls.fetch_add(1, Ordering::Relaxed) == self.at)))
            }
        }
    }
}

struct Inventory(Fault, bool);

impl ModelPersistor for Inventory {
    fn model_inventory(&self, _: &FlContext) -> Result<Vec<(String, String)>, Error> {
        match (self.1, self.0) {
            (true, Fault::Panic) => panic!("a bug in the engine"),
            (true, Fault::Error) => Err(Error::InvalidData("no inventory".to_owned())),
            _ => {
                Ok(vec![("FL_global_model.pt".to_owned(), "app_server/model/FL_global_model.pt".to_owned())])
            }
        }
    }
}

/// Runs with each call failing in turn, until there is none left; how many there are.
fn each_call(mut run: impl FnMut(usize, Fault) -> bool) -> [usize; 2] {
    [Fault::Error, Fault::Panic].map(|fault| (0..).find(|at| run(*at, fault)).unwrap())
}

#[test]
pub fn a_hub_and_a_store_that_fail_at_any_one_call_of_a_job_cost_it_no_result() {
    let calls = each_call(|at, fault| {
        let job = StandardJob::new();
        let faulty = Faulty::at(at, fault, Layout::new());
        let report = job.run(job.options(faulty.clone(), faulty.clone()));
        let what = format!("{fault:?} at call {at}");
        faulty.assert_results_are_safe(&job, &what);
        assert_eq!(job.text(RESULTS), job.text("expected/cross_val_results.json"), "{what}");
        assert_eq!(job.files("workspace/outbox").len(), 4, "{what}");
        let code = (!faulty.is_over()).then_some(Code::ServiceFailed);
        assert_eq!(report.code(), code, "{what}: {report:?}");
        faulty.is_over()
    });
    // Four statuses, and the archive.
    assert_eq!(calls, [5, 5]);
}

#[test]
pub fn whatever_the_persistor_calls_may_fail_and_it_is_told() {
    let builtin = Builtin::find("persist-to-s3-and-cleanup").unwrap();
    let component = runtime().load(builtin.name).unwrap();
    let calls = each_call(|at, fault| {
        let job = StandardJob::new();
        let layout = Layout::new()
            .with(Root::Job, job.path(JOB_FOLDER))
            .with(Root::Workspace, job.path("workspace/server"));
        let faulty = Faulty::at(at, fault, layout);
        let services = Services {
            directories: Some(faulty.clone()),
            object_store: Some(faulty.clone()),
            hub: Some(faulty.clone()),
            events: Some(faulty.clone()),
            peers: Some(faulty.clone()),
        };
        let builder = component.instance().args(format!(r#"{{"model_id": "{MODEL_ID}"}}"#));
        let mut persistor = builder.grants(builtin.grants().unwrap()).services(services).build().unwrap();
        let deadline = Instant::now() + Duration::from_secs(600);
        let ended = persistor.persist(Caller { id: "handler", context: &context(), deadline });
        let what = format!("{fault:?} at call {at}");
        match &ended {
            Ok(()) => assert_eq!(faulty.archived.load(Ordering::Relaxed), 1, "{what}"),
            Err(error) => assert!(matches!(error, Error::Failed { .. }), "{what}: {error:?}"),
        }
        faulty.assert_results_are_safe(&job, &what);
        // How much the next call does depends on the second in which it is made: its archive has that in its name.
        let is_over = faulty.is_over();
        // It was told, and goes on: what comes next is another answer, and no instance that is gone.
        let again = persistor.persist(Caller { id: "handler", context: &context(), deadline });
        assert!(!matches!(again, Err(Error::Poisoned { .. } | Error::Trapped { .. })), "{what}: {again:?}");
        assert!(ended.is_ok() || !is_over, "{what}: {ended:?}");
        is_over
    });
    // The lookup, the inventory, two events, the archive, and two directories.
    assert_eq!(calls, [7, 7]);
}
