//! A call ends in time, or when the run is aborted, also where a service does not.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use flip_runtime::{AbortSignal, Error, FlContext, Limits};
use flip_wasm_tests::{Fails, Gate, Site, assert_limit, context, lines, on_go, short_calls};
use serde_json::{Value, json};

/// A call of each service.
fn calls() -> [Value; 4] {
    [
        json!({"update-status": "id"}),
        json!({"put": ["key", "x"]}),
        json!({"put-archive": ["key", "job", ""]}),
        json!({"get": ["key", 0, 1]}),
    ]
}

fn with_services(services: Fails, limits: Limits) -> Site {
    let mut site = Site::granting_everything();
    let services = Arc::new(services);
    site.services.hub = Some(services.clone());
    site.services.object_store = Some(services);
    site.limits = limits;
    site
}

#[test]
fn a_component_is_told_of_a_service_that_waits_while_it_has_time_left() {
    let site = with_services(Fails::Waits, short_calls());
    for call in calls() {
        let (mut runner, log) = site.runner(on_go(json!([call, {"say": "went on"}])));
        runner.handle_event("go", &site.context).unwrap();
        let lines = lines(&log);
        assert!(lines[0].starts_with("unavailable: no answer in time: limit call-time"), "{lines:?}");
        assert_eq!(lines[1..], ["went on"]);
    }
}

#[test]
fn call_time_ends_a_component_that_asks_again_and_again() {
    let site = with_services(Fails::Waits, short_calls());
    let call = json!({"update-status": "id"});
    let (mut runner, log) = site.runner(on_go(vec![call; 200]));
    assert_limit(runner.handle_event("go", &site.context), "call-time");
    assert!(lines(&log).iter().all(|line| line.starts_with("unavailable: ")));
    assert!(matches!(runner.handle_event("go", &site.context), Err(Error::Poisoned { .. })));
    assert_eq!(site.does(json!({"open": "job"})), "ok");
}

#[test]
fn call_time_ends_a_call_whose_service_does_not_come_back() {
    let services = Arc::new(Fails::Hangs(Gate::default()));
    let mut site = Site::granting_everything();
    site.services.hub = Some(services.clone());
    site.limits = short_calls();
    let (mut runner, log) = site.runner(on_go(json!([{"update-status": "id"}, {"say": "went on"}])));
    assert_limit(runner.handle_event("go", &site.context), "call-time");
    assert!(lines(&log).is_empty());
    // The host does its work while that service hangs.
    assert_eq!(site.does(json!({"put": ["key", "x"]})), "ok key of 1 bytes");
    let Fails::Hangs(gate) = &*services else { return };
    gate.open();
}

/// An upload has ten seconds more, to leave nothing behind.
#[test]
fn what_changes_nothing_had_the_time_of_an_upload() {
    let services = Arc::new(Fails::Hangs(Gate::default()));
    let mut site = Site::granting_everything();
    site.services.hub = Some(services.clone());
    site.services.object_store = Some(services.clone());
    site.limits = short_calls();
    for call in [json!({"update-status": "id"}), json!({"get": ["key", 0, 1]}), json!({"head": "key"})] {
        let (mut runner, _log) = site.runner(on_go(json!([call])));
        let began = Instant::now();
        assert_limit(runner.handle_event("go", &site.context), "call-time");
        assert!(began.elapsed() < Duration::from_secs(9), "{call}");
    }
    let Fails::Hangs(gate) = &*services else { return };
    gate.open();
}

/// One that does not look at the signal is left to itself.
#[test]
fn an_abort_waited_for_a_service_that_does_not_come_back() {
    for call in [json!({"update-status": "id"}), json!({"put": ["key", "x"]})] {
        // Each has a gate of its own: the abort comes when the service is at work, not before it is asked.
        let services = Arc::new(Fails::Hangs(Gate::default()));
        let mut site = Site::granting_everything();
        site.services.hub = Some(services.clone());
        site.services.object_store = Some(services.clone());
        let Fails::Hangs(gate) = &*services else { return };
        let (context, abort) = abortable();
        let (mut runner, log) = site.runner(on_go(json!([call])));
        thread::scope(|scope| {
            scope.spawn(|| {
                gate.wait_for_one();
                abort.trigger();
            });
            runner.handle_event("go", &context).unwrap();
        });
        assert_eq!(lines(&log), ["the run is being aborted"]);
        gate.open();
    }
}

#[test]
fn total_time_is_what_is_named_where_it_ends_the_call() {
    let site =
        with_services(Fails::Waits, Limits { total_time: Duration::from_secs(1), ..Limits::default() });
    let (mut runner, _log) = site.runner(on_go(vec![json!({"update-status": "id"}); 200]));
    assert_limit(runner.handle_event("go", &site.context), "total-time");
}

/// The context of a run that `abort` ends.
fn abortable() -> (Arc<FlContext>, AbortSignal) {
    let abort = AbortSignal::default();
    (Arc::new(FlContext { abort: abort.clone(), ..(*context()).clone() }), abort)
}

#[test]
fn an_abort_is_told_to_a_component_whose_service_waits() {
    let site = with_services(Fails::Waits, Limits::default());
    for call in calls() {
        let (context, abort) = abortable();
        let (mut runner, log) = site.runner(on_go(json!([call, {"say": "went on"}])));
        thread::scope(|scope| {
            scope.spawn(|| abort.trigger());
            runner.handle_event("go", &context).unwrap();
        });
        assert_eq!(lines(&log), ["the run is being aborted", "went on"]);
    }
}

#[test]
fn once_the_run_is_aborted_no_function_does_anything() {
    let site = Site::granting_everything();
    site.write("job/a", "kept");
    let (context, abort) = abortable();
    abort.trigger();
    let mut errands = calls().to_vec();
    errands.extend([
        json!({"open": "job"}),
        json!({"write": ["job", "b", "x"]}),
        json!({"clear": "job"}),
        json!({"fire": "a"}),
        json!({"send-metric": ["site-1", "id", "loss", 1.0, 0]}),
        json!({"head": "key"}),
    ]);
    let (mut runner, log) = site.runner(on_go(errands));
    runner.handle_event("go", &context).unwrap();
    assert_eq!(lines(&log), ["the run is being aborted"; 10]);
    assert!(site.hub.requests().is_empty() && site.store.calls().is_empty());
    assert_eq!(site.names("job"), ["a"]);
}

#[test]
fn an_abort_ends_a_component_that_does_not_end_by_itself() {
    let site = Site::granting_everything();
    site.write("job/a", "never that");
    let (context, abort) = abortable();
    let (mut runner, log) =
        site.runner(on_go(json!([{"read-until": ["job", "a", "done"]}, {"say": "told"}])));
    thread::scope(|scope| {
        scope.spawn(|| abort.trigger());
        runner.handle_event("go", &context).unwrap();
    });
    assert_eq!(lines(&log), ["the run is being aborted", "told"]);
}

/// Each of them had a second of its own.
#[test]
fn an_abort_ends_calls_that_are_short_each() {
    let site = Site::granting_everything();
    let (context, abort) = abortable();
    let (mut runner, _) = site.runner(on_go(json!([{"again": [1_000, {"fire": "a"}]}])));
    abort.trigger();
    let until = Instant::now() + Duration::from_secs(60);
    let error = loop {
        match runner.handle_event("go", &context) {
            Ok(()) => assert!(Instant::now() < until, "it goes on"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("the run is being aborted"), "{error}");
}

#[test]
fn a_reader_sees_the_old_or_the_new_contents() {
    let site = Site::granting_everything();
    site.write("job/a", "old");
    let (mut runner, log) = site.runner(on_go(json!([{"read-until": ["job", "a", "new"]}])));
    thread::scope(|scope| {
        scope.spawn(|| {
            for text in ["old"; 100].into_iter().chain(["new"]) {
                assert_eq!(site.does(json!({"write": ["job", "a", text]})), "ok");
            }
        });
        runner.handle_event("go", &site.context).unwrap();
    });
    assert_eq!(lines(&log), [r#"ok "new""#]);
}
