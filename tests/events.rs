//! Events between the components of a whole place.

use flip_wasm_tests::{Server, ServerConfig, context, spent};
use serde_json::{Value, json};

use crate::heap;

const AB: &str = r#"events = ["a", "b"]"#;

fn say(text: &str) -> Value {
    json!({"say": text})
}

fn fire(event_type: &str) -> Value {
    json!({"fire": event_type})
}

#[test]
fn events_come_in_the_order_of_the_configuration_to_those_who_asked() {
    let server = ServerConfig::default()
        .on("second", "", json!({"go": [say("second: go")]}))
        .with("all", "", &json!({"on": {"go": [say("all: go")], "b": [say("all: b")]}, "interests": []}))
        .with("none", "", &json!({"on": {"go": [say("never")]}, "interests": ["other"]}))
        .on("first", "", json!({"go": [say("first: go")]}))
        .start();
    assert_eq!(server.fire("go"), ["second: go", "all: go", "first: go"]);
    assert_eq!(server.fire("b")[3..], ["all: b"]);
    assert_eq!(server.fire("unheard of")[4..], [""; 0]);
    assert_eq!(server.place.report().events, 3);
}

/// The most bytes that events take at a time, which so many handlers are given.
fn taken_by_events(server: &Server, handlers: u64) -> isize {
    let context = context();
    let fire = || server.place.fire("go", &context);
    // What is set up once.
    fire();
    let calls = || server.place.report().components.iter().map(|one| one.usage.calls).sum::<u64>();
    let called = calls();
    let before = heap::live();
    heap::forget_peak();
    (0..100).for_each(|_| fire());
    assert_eq!(heap::live(), before);
    let taken = heap::peak() - before;
    assert_eq!(calls() - called, 100 * handlers);
    taken
}

#[test]
fn an_event_takes_no_memory_on_its_way_to_handlers() {
    let handlers = |add: &dyn Fn(ServerConfig, &str) -> ServerConfig| {
        (0..10).fold(ServerConfig::default(), |all, id| add(all, &format!("handler-{id}"))).start()
    };
    let args = json!({"on": {}, "interests": ["another"]});
    assert_eq!(taken_by_events(&handlers(&|all, id| all.with(id, "", &args)), 0), 0);
    // A call into a component makes an entry of wasmtime's own, for the context that is lent to it, and what its thread
    // waits by. It takes more into one that can use files, which has a thread for each call.
    let delivered = taken_by_events(&handlers(&|all, id| all.builtin(id, "client-event-handler")), 10);
    assert!(delivered < 256, "{delivered}");
}

#[test]
fn what_a_handler_fires_others_get_at_once_and_it_gets_when_it_has_returned() {
    let server = ServerConfig::default()
        .on("before", "", json!({"a": [say("before: a")]}))
        .on(
            "firing",
            AB,
            json!({"go": [say("firing: go"), fire("a"), say("firing: went on")], "a": [say("firing: a")]}),
        )
        .on("behind", "", json!({"a": [say("behind: a")], "go": [say("behind: go")]}))
        .start();
    assert_eq!(
        server.fire("go"),
        ["firing: go", "before: a", "behind: a", "ok", "firing: went on", "firing: a", "behind: go"]
    );
}

#[test]
fn events_that_wait_come_in_the_order_in_which_they_were_fired() {
    let server = ServerConfig::default()
        .on("firing", AB, json!({"go": [fire("b"), fire("a"), fire("b")], "a": [say("a")], "b": [say("b")]}))
        .start();
    assert_eq!(server.fire("go"), ["ok", "ok", "ok", "b", "a", "b"]);
}

#[test]
fn what_is_fired_further_down_waits_for_everyone_on_the_stack() {
    let server = ServerConfig::default()
        .on(
            "outer",
            "peers = [\"results-generator\"]",
            json!({
                "go": [say("outer: go"), {"handle-evaluation-event": ["inner", "evaluate"]}, say("outer: went on")],
                "a": [say("outer: a")],
            }),
        )
        .on(
            "inner",
            AB,
            json!({"evaluate": [say("inner: evaluate"), fire("a"), say("inner: went on")], "a": [say("inner: a")]}),
        )
        .on("other", "", json!({"a": [say("other: a")]}))
        .start();
    assert_eq!(
        server.fire("go"),
        [
            "outer: go",
            "inner: evaluate",
            "other: a",
            "ok",
            "inner: went on",
            "inner: a",
            "ok",
            "outer: went on",
            "outer: a"
        ]
    );
}

#[test]
fn a_call_of_a_component_that_was_on_the_stack_lost_the_events_that_waited_for_it() {
    let server = ServerConfig::default()
        .on(
            "firing",
            "events = [\"a\"]\npeers = [\"results-generator\"]",
            json!({"go": [fire("a"), {"all-tasks-failed": "firing"}], "a": [say("a")]}),
        )
        .start();
    assert_eq!(server.fire("go"), ["ok", "ok true", "a"]);
    let failures = server.failures("firing");
    assert!(
        failures.len() == 1 && format!("{failures:?}").contains("is being called already"),
        "{failures:?}"
    );
}

#[test]
fn events_that_handlers_fire_at_each_other_end_at_the_limit() {
    let limited = "events = [\"a\", \"b\"]\nlimits = { events = 5 }";
    let server = ServerConfig::default()
        .on("ping", limited, json!({"a": [fire("b")]}))
        .on("pong", limited, json!({"b": [fire("a")]}))
        .start();
    let outcomes = server.fire("a");
    let spent = &*spent("events", "5");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "ok").count(), 10);
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == spent).count(), 1);
    assert_eq!(outcomes.len(), 11);
    assert_eq!(server.place.report().events, 11);
    // Neither is dead.
    assert_eq!(server.fire("a")[11..], [spent]);
}

#[test]
pub fn an_event_that_its_own_handler_fires_ends_at_the_limit() {
    let server = ServerConfig::default()
        .on("echo", "events = [\"a\"]\nlimits = { events = 1000 }", json!({"a": [fire("a"), fire("a")]}))
        .start();
    let outcomes = server.fire("a");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "ok").count(), 1_000);
}

#[test]
fn an_event_that_is_not_granted_reaches_nobody() {
    let server = ServerConfig::default()
        .on("firing", AB, json!({"go": [fire("_fatal_system_error"), {"system-panic": "never"}]}))
        .on("other", "", json!({"_fatal_system_error": [say("never")]}))
        .start();
    let refused = "not permitted: events = [\"a\", \"b\", \"_fatal_system_error\"] under [components.firing]";
    assert_eq!(server.fire("go"), [refused, "ok"]);
    assert_eq!(server.place.fatal(), None);
}

#[test]
fn a_system_panic_is_remembered_once_and_told_to_everyone() {
    let panics = r#"events = ["_fatal_system_error"]"#;
    let server = ServerConfig::default()
        .on(
            "first",
            panics,
            json!({"go": [{"system-panic": "the \n first"}], "_fatal_system_error": [say("first: told")]}),
        )
        .on(
            "second",
            panics,
            json!({"go": [{"system-panic": "later"}], "_fatal_system_error": [say("second: told")]}),
        )
        .start();
    assert_eq!(server.fire("go"), ["second: told", "ok", "first: told", "first: told", "ok", "second: told"]);
    assert_eq!(server.place.fatal(), Some(("first".to_owned(), "the \\n first".to_owned())));
}

/// A server where one component ends at `end`, and what the others say.
fn with_end(end: Value, granted: &str) -> Server {
    ServerConfig::default()
        .on("before", "", json!({"go": [say("before")]}))
        .on("ends", granted, json!({"go": [say("ends"), end, say("went on")]}))
        .on("behind", "", json!({"go": [say("behind")]}))
        .start()
}

#[test]
fn a_handler_that_traps_is_dead_for_the_rest_of_the_run_and_the_others_go_on() {
    let server = with_end(json!("panic"), "");
    let lines = server.fire("go");
    assert_eq!(
        (lines[0].as_str(), lines[1].as_str(), lines.last().unwrap().as_str()),
        ("before", "ends", "behind")
    );
    assert!(lines[2].contains("as it was told"), "{lines:?}");
    assert_eq!(server.fire("go")[lines.len()..], ["before", "behind"]);
    let failures = server.failures("ends");
    assert!(failures[0].starts_with("go: errand: trapped: "), "{failures:?}");
    assert!(failures[1].contains("failed in an earlier call"), "{failures:?}");
    assert!(server.failures("before").is_empty() && server.failures("behind").is_empty());
}

#[test]
fn a_handler_that_fails_is_called_again() {
    let server = with_end(json!({"fail": "as it was told"}), "");
    assert_eq!(server.fire("go"), ["before", "ends", "behind"]);
    assert_eq!(server.fire("go")[3..], ["before", "ends", "behind"]);
    assert_eq!(server.failures("ends"), ["go: errand: invalid data: as it was told"; 2]);
}

#[test]
fn a_handler_that_traps_while_another_waits_for_it_fails_that_one_nothing() {
    let server = ServerConfig::default()
        .on("firing", AB, json!({"go": [fire("a"), fire("a"), say("went on")]}))
        .on("traps", "", json!({"a": ["panic"]}))
        .on("behind", "", json!({"a": [say("behind: a")]}))
        .start();
    let lines = server.fire("go");
    let lines: Vec<_> = lines.iter().filter(|line| !line.contains("panicked")).collect();
    assert_eq!(lines, ["behind: a", "ok", "behind: a", "ok", "went on"]);
    assert_eq!(server.failures("traps").len(), 2);
    assert!(server.failures("firing").is_empty());
}

#[test]
pub fn a_trap_loses_no_event_that_waits_for_the_others() {
    let server = ServerConfig::default()
        .on("traps", AB, json!({"go": [fire("a"), fire("b"), "panic"], "b": [say("never")]}))
        .on("other", "", json!({"a": [say("other: a")], "b": [say("other: b")]}))
        .start();
    let lines = server.fire("go");
    assert_eq!(lines[..4], ["other: a", "ok", "other: b", "ok"]);
    assert!(!lines.contains(&"never".to_owned()));
}
