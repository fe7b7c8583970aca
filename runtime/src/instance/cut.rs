//! Calls whose future is dropped at each of the points where it waits: nothing is left half done.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cap_std::fs::Dir;

use crate::component::Component;
use crate::context::FlContext;
use crate::error::Error;
use crate::policy::{Grants, Policy};
use crate::runtime::Runtime;
use crate::services::{
    Archived, Call, Caller, Hub, HubMessage, Layout, LookupError, ModelPersistor, ObjectMeta, ObjectStore,
    Peers, ResultsGenerator, ResultsPersistor, Root, ServiceError, Services, Store, StoreOptions,
};

const MODEL_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const MODEL: &str = "FL_global_model.pt";

/// What the future answers; none where it still waits after so many polls, and is dropped there.
pub(super) async fn after<F: Future>(polls: usize, mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut left = polls;
    std::future::poll_fn(|context| {
        left = left.saturating_sub(1);
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A store and a hub that take a while; what they have begun they bring to its end.
struct Slow {
    store: Store,
    under_way: AtomicUsize,
    sent: AtomicUsize,
}

impl Slow {
    fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        let done = work();
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        done
    }

    /// Waits for what was begun; it is begun on another thread.
    fn settle(&self) {
        std::thread::sleep(Duration::from_millis(50));
        while self.under_way.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Hub for Slow {
    fn send(&self, _: &Call, _: &HubMessage) -> Result<(), ServiceError> {
        self.work(|| self.sent.fetch_add(1, Ordering::SeqCst));
        Ok(())
    }
}

impl ObjectStore for Slow {
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        self.work(|| self.store.put(call, key, contents))
    }

    fn put_archive(&self, call: &Call, key: &str, source: &Dir, max: u64) -> Result<Archived, ServiceError> {
        self.work(|| self.store.put_archive(call, key, source, max))
    }

    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<Bytes, ServiceError> {
        self.work(|| self.store.get(call, key, offset, len))
    }

    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError> {
        self.work(|| self.store.head(call, key))
    }
}

struct Engine;

impl ModelPersistor for Engine {
    fn model_inventory(&self, _: &FlContext) -> Result<Vec<(String, String)>, Error> {
        Ok(vec![(MODEL.to_owned(), format!("app_server/model/{MODEL}"))])
    }
}

impl Peers for Engine {
    fn results_generator(&self, _: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError> {
        Err(LookupError::NotFound)
    }

    fn results_persistor(&self, _: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError> {
        Err(LookupError::NotFound)
    }

    fn model_persistor(&self, _: &str) -> Result<Arc<dyn ModelPersistor>, LookupError> {
        Ok(Arc::new(Self))
    }
}

/// A job's folder and a store, for one try.
struct Try {
    folder: tempfile::TempDir,
    slow: Arc<Slow>,
    services: Services,
}

impl Try {
    fn new(runtime: &Runtime) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let job = folder.path().join("job");
        std::fs::create_dir_all(job.join("app_server/model")).unwrap();
        std::fs::create_dir_all(folder.path().join("store")).unwrap();
        std::fs::write(job.join("app_server/model").join(MODEL), "weights").unwrap();
        let url = Store::url_of(&folder.path().join("store")).unwrap();
        let store = Store::open(&url, [], StoreOptions::default(), runtime.tokio().clone()).unwrap();
        let slow = Arc::new(Slow { store, under_way: AtomicUsize::new(0), sent: AtomicUsize::new(0) });
        let layout = Layout::new().with(Root::Job, job).with(Root::Workspace, folder.path());
        let services = Services {
            directories: Some(Arc::new(layout)),
            object_store: Some(slow.clone()),
            hub: Some(slow.clone()),
            events: None,
            peers: Some(Arc::new(Engine)),
        };
        Self { folder, slow, services }
    }

    fn text(&self, folder: &str, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(folder).join(name)).unwrap()
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path.file_name().unwrap().to_string_lossy().into_owned()),
                }
            }
        }
        files
    }
}

/// Calls with the future dropped where it waits for the first time, the second and so on, until it no longer does;
/// how often it waits.
fn at_every_point(
    load: impl Fn(&Runtime) -> (Component, Grants),
    call: impl Fn(&mut super::Instance) -> Result<(), Error>,
    check: impl Fn(&Try),
) -> usize {
    at_every_point_after(|_| {}, load, call, check)
}

/// The same, each time with something done before.
fn at_every_point_after(
    prepare: impl Fn(&Try),
    load: impl Fn(&Runtime) -> (Component, Grants),
    call: impl Fn(&mut super::Instance) -> Result<(), Error>,
    check: impl Fn(&Try),
) -> usize {
    let runtime = Runtime::new().unwrap();
    let (component, grants) = load(&runtime);
    for polls in 1.. {
        let one = Try::new(&runtime);
        prepare(&one);
        let builder = component.instance().args(format!(r#"{{"model_id": "{MODEL_ID}"}}"#));
        let builder = builder.grants(grants.clone()).services(one.services.clone());
        let mut instance = builder.build().unwrap();
        instance.cut_after = Some(polls);
        let ended = call(&mut instance);
        one.slow.settle();
        check(&one);
        if ended.is_ok() {
            return polls - 1;
        }
        assert!(matches!(ended, Err(Error::Limit { .. })), "{ended:?}");
        assert!(matches!(call(&mut instance), Err(Error::Poisoned { .. })));
    }
    0
}

fn builtin(name: &str) -> impl Fn(&Runtime) -> (Component, Grants) {
    let builtin = crate::builtin::Builtin::find(name).unwrap();
    move |runtime| (runtime.load_builtin(builtin).unwrap(), builtin.grants().unwrap())
}

/// The handler of this folder, which does what an event is called.
fn handler(runtime: &Runtime) -> (Component, Grants) {
    let wasm = wat::parse_str(include_str!("cut.wat")).unwrap();
    let policy: Policy = "[components.handler]\nobject-store = [\"put\", \"get\", \"head\"]".parse().unwrap();
    (runtime.load_bytes("handler", &wasm).unwrap(), policy.grants(&["handler"]).unwrap().clone())
}

fn context() -> Arc<FlContext> {
    Arc::new(FlContext { job_id: "job".to_owned(), ..FlContext::default() })
}

#[test]
fn an_upload_that_is_dropped_where_it_waits_leaves_a_whole_archive_or_none() {
    let context = context();
    let persist = |persistor: &mut super::Instance| {
        let deadline = Instant::now() + Duration::from_secs(600);
        persistor.persist(Caller { id: "handler", context: &context, deadline })
    };
    let points = at_every_point(builtin("persist-to-s3-and-cleanup"), persist, |one| {
        let (stored, kept) = (one.files("store"), one.files("job"));
        assert!(stored.len() <= 1 && stored.iter().all(|name| name.ends_with(".zip")), "{stored:?}");
        assert_eq!(kept, [MODEL]);
    });
    assert!(points > 0);
}

#[test]
fn a_status_that_is_dropped_where_it_waits_is_sent_once_or_never() {
    let context = context();
    let handle = |handler: &mut super::Instance| handler.handle_event("_end_run", &context);
    let points = at_every_point(builtin("server-event-handler"), handle, |one| {
        assert!(one.slow.sent.load(Ordering::SeqCst) <= 1);
    });
    assert!(points > 0);
}

#[test]
fn an_object_that_is_put_is_whole_or_not_there_wherever_the_call_is_dropped() {
    let context = context();
    let put = |handler: &mut super::Instance| handler.handle_event("put", &context);
    let points = at_every_point(handler, put, |one| {
        let stored = one.files("store");
        assert!(stored.is_empty() || stored == ["a"], "{stored:?}");
        assert!(stored.iter().all(|name| one.text("store", name) == "put"));
    });
    assert!(points > 0);
}

#[test]
fn reads_and_waits_that_are_dropped_where_they_wait_change_nothing() {
    let context = context();
    for event in ["get", "head", "block"] {
        let call = |handler: &mut super::Instance| handler.handle_event(event, &context);
        let there = |one: &Try| std::fs::write(one.folder.path().join("store/a"), "put").unwrap();
        let points = at_every_point_after(there, handler, call, |one| {
            assert_eq!(
                (one.files("store"), one.text("store", "a")),
                (vec!["a".to_owned()], "put".to_owned())
            );
        });
        assert!(points > 0, "{event}");
    }
}
