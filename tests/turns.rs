//! Whose turn it is where components wait for what serves them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flip_runtime::services::{Caller, Events, Services};
use flip_runtime::{Level, Limits, LogSink};
use flip_wasm_tests::{EVERYTHING, context, errand, granted, on_go};
use serde_json::{Value, json};

/// Keeps whoever asks it for something waiting in its own thread.
#[derive(Default)]
struct Blocks {
    asked: AtomicUsize,
    done: AtomicBool,
}

impl Blocks {
    fn block(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_secs(120);
        while !self.done.load(Ordering::SeqCst) && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl LogSink for Blocks {
    fn line(&self, _: &str, _: Level, _: &str) {
        self.block();
    }
}

impl Events for Blocks {
    fn fire(&self, _: &str, _: Caller<'_>) {
        self.block();
    }

    fn system_panic(&self, _: &str, _: Caller<'_>) {}
}

/// Lets them go on, also where the test fails.
struct Done<'a>(&'a Blocks);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::SeqCst);
    }
}

/// As many as there are cores ask for this and are kept waiting; then another is called.
fn assert_another_runs_beside(waits: &Value) {
    let blocks = Arc::<Blocks>::default();
    let cores = thread::available_parallelism().unwrap().get();
    let builder = |errands: &Value, call_time| {
        let limits = Limits { call_time: Duration::from_secs(call_time), ..Limits::default() };
        let builder = errand().instance().args(on_go(errands.clone())).grants(granted(EVERYTHING));
        let services = Services { events: Some(blocks.clone()), ..Services::default() };
        builder.limits(limits).services(services).log(blocks.clone())
    };
    thread::scope(|scope| {
        let _done = Done(&blocks);
        for _ in 0..cores {
            let mut instance = builder(&json!([waits]), 300).build().unwrap();
            scope.spawn(move || instance.handle_event("go", &context()).unwrap());
        }
        let until = Instant::now() + Duration::from_secs(60);
        while blocks.asked.load(Ordering::SeqCst) < cores {
            assert!(Instant::now() < until, "not all of them have asked");
            thread::sleep(Duration::from_millis(1));
        }
        let another = builder(&json!([]), 30);
        let ended = another.build().and_then(|mut another| another.handle_event("go", &context()));
        ended.unwrap();
    });
}

#[test]
fn components_that_wait_for_a_log_keep_nobody_from_running() {
    assert_another_runs_beside(&json!({"say": "a line"}));
}

#[test]
fn components_that_wait_for_those_who_handle_their_events_keep_nobody_from_running() {
    assert_another_runs_beside(&json!({"fire": "a"}));
}
