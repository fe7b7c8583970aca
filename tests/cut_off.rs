//! Calls whose future is dropped at each of the points where it waits: nothing is left half done.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flip_runtime::services::{
    Call, Caller, LookupError, ModelPersistor, ObjectStore, Peers, ResultsGenerator, ResultsPersistor,
    ServiceError,
};
use flip_runtime::{Builtin, Error, FlContext, Instance};
use flip_wasm_tests::hostile::time::{waits, waits_in};
use flip_wasm_tests::servers::call;
use flip_wasm_tests::{Pace, Paced, Site, context, on_go, runtime, update};
use serde_json::{Value, json};

const MODEL_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const MODEL: &str = "FL_global_model.pt";

/// Services take a while; what they have begun they bring to its end.
#[derive(Default)]
struct Slow {
    under_way: AtomicUsize,
}

impl Pace for Slow {
    fn begin(&self, _: &Call) -> Result<(), ServiceError> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(5));
        Ok(())
    }

    fn end(&self, _: &Call) -> Result<(), ServiceError> {
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Slow {
    /// Waits for what was begun; it is begun on another thread.
    fn settle(&self) {
        thread::sleep(Duration::from_millis(20));
        while self.under_way.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
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

/// A site whose store and hub take a while.
fn site() -> (Site, Arc<Paced<Slow>>) {
    let mut site = Site::granting_everything();
    let slow = Arc::new(Paced::new(Slow::default(), site.store.clone()));
    site.services.object_store = Some(slow.clone());
    site.services.hub = Some(slow.clone());
    site.services.peers = Some(Arc::new(Engine));
    (site, slow)
}

/// Makes a call with its future dropped where it waits for the first time, for the second and so on, until it no
/// longer waits. `check` looks at what is there then, and is told whether the call came to its end.
fn at_every_point(
    start: impl Fn(&Site) -> Instance,
    call: impl Fn(&mut Instance) -> Result<(), Error>,
    check: impl Fn(&Site, &Paced<Slow>, bool),
) {
    let (mut polls, mut in_vain) = (1, 0);
    loop {
        let (site, slow) = site();
        let mut instance = start(&site);
        instance.cut_after(polls);
        let ended = call(&mut instance);
        slow.pace().settle();
        check(&site, &slow, ended.is_ok());
        if ended.is_ok() && polls > 1 {
            return;
        }
        if ended.is_ok() {
            // Whoever is kept from its work may come back when the answer is there.
            in_vain += 1;
            assert!(in_vain < 100, "it never waits");
            continue;
        }
        assert!(matches!(ended, Err(Error::Limit { .. })), "{ended:?}");
        assert!(matches!(call(&mut instance), Err(Error::Poisoned { .. })));
        polls += 1;
    }
}

/// The same of an errand.
fn errand_at_every_point(errand: &Value, prepare: impl Fn(&Site), check: impl Fn(&Site, bool)) {
    let start = |site: &Site| {
        prepare(site);
        site.runner(on_go(vec![errand.clone()])).0
    };
    let go = |runner: &mut Instance| runner.handle_event("go", &context());
    at_every_point(start, go, |site, _, done| check(site, done));
}

fn builtin(name: &str, site: &Site) -> Instance {
    let builtin = Builtin::find(name).unwrap();
    let component = runtime().load(builtin.name).unwrap();
    let builder = component.instance().args(format!(r#"{{"model_id": "{MODEL_ID}"}}"#));
    builder.grants(builtin.grants().unwrap()).services(site.services.clone()).build().unwrap()
}

fn object(site: &Site, key: &str) -> Option<Bytes> {
    site.store.get(&call(), key, 0, u32::MAX).ok()
}

#[test]
pub fn an_upload_that_is_dropped_where_it_waits_leaves_a_whole_archive_or_none() {
    let context = context();
    let start = |site: &Site| {
        site.write(&format!("job/app_server/model/{MODEL}"), "weights");
        builtin("persist-to-s3-and-cleanup", site)
    };
    let persist = |persistor: &mut Instance| {
        let deadline = Instant::now() + Duration::from_secs(600);
        persistor.persist(Caller { id: "handler", context: &context, deadline })
    };
    at_every_point(start, persist, |site, _, done| {
        let uploads = site.store.calls();
        assert!(uploads.len() <= 1, "{uploads:?}");
        let archive = uploads.first().and_then(|upload| object(site, &upload.key));
        let archived = archive.is_some();
        assert!(archived || !done);
        if let Some(archive) = archive {
            let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
            let model = (0..zip.len()).find(|at| zip.by_index(*at).unwrap().name().unwrap().ends_with(MODEL));
            let model = zip.by_index(model.unwrap()).unwrap();
            assert_eq!(std::io::read_to_string(model).unwrap(), "weights");
        }
        // What is stored is deleted here. What is not stays.
        let kept = std::fs::read_to_string(site.path(&format!("job/app_server/model/{MODEL}")));
        assert!(archived || kept.unwrap() == "weights");
    });
}

#[test]
pub fn a_status_that_is_dropped_where_it_waits_is_sent_once_or_never() {
    let context = context();
    let start = |site: &Site| builtin("server-event-handler", site);
    let handle = |handler: &mut Instance| handler.handle_event("_end_run", &context);
    at_every_point(start, handle, |_, slow, done| {
        let sent = slow.sent();
        assert!(sent == 1 || sent == 0 && !done, "it was sent {sent} times");
    });
}

#[test]
pub fn an_object_that_is_put_is_whole_or_not_there_wherever_the_call_is_dropped() {
    errand_at_every_point(
        &json!({"put": ["key", "whole"]}),
        |_| (),
        |site, done| {
            let object = object(site, "key");
            assert!(object.is_some() || !done);
            assert!(object.is_none_or(|object| object == "whole"));
        },
    );
}

#[test]
pub fn reads_that_are_dropped_where_they_wait_change_nothing() {
    for errand in [json!({"get": ["key", 0, 9]}), json!({"head": "key"})] {
        errand_at_every_point(
            &errand,
            |site| drop(site.store.put(&call(), "key", "kept".into()).unwrap()),
            |site, _| assert_eq!(object(site, "key").unwrap(), "kept"),
        );
    }
}

#[test]
pub fn a_wait_that_is_dropped_ends_its_instance() {
    let component = runtime().load_bytes("waits", &wat::parse_str(waits(20_000_000)).unwrap()).unwrap();
    let start = |_: &Site| component.instance().build().unwrap();
    let filter = |filter: &mut Instance| filter.filter(update(), &context()).map(drop);
    at_every_point(start, filter, |_, _, _| ());
}

/// In its start function, and wherever it is asked something before it is there.
#[test]
pub fn a_wait_that_is_dropped_while_its_instance_is_made_leaves_none() {
    for function in ["start", "configure", "kinds", "interests"] {
        let wasm = wat::parse_str(waits_in(function, 100_000_000)).unwrap();
        let component = runtime().load_bytes("waits", &wasm).unwrap();
        let mut polls = 1;
        while let Err(error) = component.instance().cut_after(polls).build() {
            assert!(matches!(error, Error::Limit { .. }), "{function}: {error:?}");
            polls += 1;
        }
        assert!(polls > 1, "{function}: it never waits");
        // What was cut off is no part of the next one.
        component.instance().build().unwrap().filter(update(), &context()).unwrap();
    }
}
