//! Traps in each export, services that fail or panic, aborts at each moment, crowds, and state that stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use flip_runtime::services::ServiceError;
use flip_runtime::{AbortSignal, FlContext, Level, Limits, LogSink};
use serde_json::json;

use super::errands::Errands;
use super::files::granting;
use super::guest::{fields, filter, process};
use super::table::{Attack, CommandLine, Ended, Expected, deed, elsewhere, errands, guest, host, nothing};
use crate::{EVERYTHING, Fails, Site, context, misbehaving_within, on_go, update};

pub const ATTACKS: &[Attack] = &[
    deed("48", "a panic in a call", r#""panic""#, "", Expected::Trap("unreachable")),
    deed(
        "48",
        "a panic after half of the data was written",
        r#""zero-then-panic""#,
        "",
        Expected::Trap("unreachable"),
    ),
    guest(
        "48",
        "a trap while it is configured",
        || filter([("configure", "unreachable")]),
        "",
        Expected::Trap("unreachable"),
    ),
    guest(
        "48",
        "a trap where it says which data it filters",
        || filter([("kinds", "unreachable")]),
        "",
        Expected::Trap("unreachable"),
    ),
    guest(
        "48",
        "a trap in a post-return function",
        || filter([("post-return", "unreachable")]),
        "",
        Expected::Trap("unreachable"),
    ),
    guest(
        "48",
        "a trap in a start function",
        || fields("(func $start unreachable) (start $start)"),
        "",
        Expected::Trap("unreachable"),
    ),
    guest(
        "48",
        "a division by zero",
        || process("(drop (i32.div_s (i32.const 1) (local.get $i)))"),
        "",
        Expected::Trap("divide by zero"),
    ),
    guest(
        "48",
        "a call through an empty slot of a table",
        || fields("(table 1 funcref) (func $start (call_indirect (i32.const 0))) (start $start)"),
        "",
        Expected::Trap("uninitialized"),
    ),
    elsewhere(
        "48",
        "a handler that traps, and those who waited for it",
        "tests/events.rs::a_trap_loses_no_event_that_waits_for_the_others",
    ),
    errands("48", "a trap in the middle of an event", trap_in_an_event, "", Expected::Trap("unreachable")),
    host(
        "49",
        "a service that fails at each call",
        |limits| failing(limits, || Fails::With(ServiceError::Unavailable("down".to_owned()))),
        CommandLine::Test("cli/tests/hostile_services.rs::servers_that_fail_at_each_call_are_unavailable"),
        "",
        Expected::Told("unavailable: "),
    ),
    host(
        "49",
        "a service that panics at each call",
        |limits| failing(limits, || Fails::Panics),
        CommandLine::Unreachable("its services are its own, and none that panics can be named"),
        "",
        Expected::Told("unavailable: "),
    )
    .twice()
    .panicking(),
    host(
        "49",
        "a service that never answers",
        |limits| failing(limits, || Fails::Waits),
        CommandLine::Test("cli/tests/hostile_services.rs::servers_that_never_answer_are_unavailable"),
        "call-time=1s",
        Expected::Told("unavailable: "),
    )
    .twice(),
    elsewhere(
        "49",
        "a hub and a store that fail, or panic, at one call of a job, each call in turn",
        "tests/faults.rs::a_hub_and_a_store_that_fail_at_any_one_call_of_a_job_cost_it_no_result",
    ),
    elsewhere(
        "49",
        "the same of all that the persistor calls: directories, events, its peer, its inventory, the store",
        "tests/faults.rs::whatever_the_persistor_calls_may_fail_and_it_is_told",
    ),
    elsewhere(
        "49",
        "a service that holds on after the call's end, and the audit trail",
        "tests/audit_hostile.rs::a_call_whose_time_is_up_is_noted_as_given_up",
    ),
    elsewhere(
        "49",
        "a flood of calls, and the audit trail",
        "tests/audit_hostile.rs::a_flood_of_calls_is_counted_whole_and_the_trail_stays_small",
    ),
    elsewhere(
        "49",
        "a server of objects that fails at each request",
        "tests/object_store_failures.rs::a_server_that_fails_leaves_nothing",
    ),
    host(
        "50",
        "an abort before, between and after all of its host calls",
        abort_at_each_call,
        CommandLine::Test(
            "cli/tests/hostile_aborts.rs::a_signal_between_any_two_calls_leaves_nothing_half_done",
        ),
        "",
        Expected::Harmless("nothing half done is left"),
    ),
    elsewhere(
        "50",
        "a call that is given up at each point where it waits for an upload",
        "runtime/src/instance/cut.rs::an_upload_that_is_dropped_where_it_waits_leaves_a_whole_archive_or_none",
    ),
    elsewhere(
        "50",
        "a call that is given up at each point where it waits for the hub",
        "runtime/src/instance/cut.rs::a_status_that_is_dropped_where_it_waits_is_sent_once_or_never",
    ),
    elsewhere(
        "50",
        "a call that is given up at each point where it waits for an object to be put",
        "runtime/src/instance/cut.rs::an_object_that_is_put_is_whole_or_not_there_wherever_the_call_is_dropped",
    ),
    elsewhere(
        "50",
        "a call that is given up at each point where it waits for an object, its head, or a clock",
        "runtime/src/instance/cut.rs::reads_and_waits_that_are_dropped_where_they_wait_change_nothing",
    ),
    nothing(
        "50",
        "a trap in the middle of an upload",
        "an upload is one call of the host: while it is under way nothing of the component runs",
    ),
    elsewhere(
        "50",
        "a call whose time is up in the middle of an upload",
        "tests/job_upload_failures.rs::a_server_that_stalls_amid_the_parts_costs_no_result_either",
    ),
    elsewhere(
        "50",
        "an abort in the middle of an upload",
        "tests/object_store_failures.rs::a_call_that_ends_leaves_nothing",
    ),
    elsewhere(
        "50",
        "an abort in the middle of deleting a tree",
        "tests/cleanup.rs::an_abort_ends_clearing_between_two_entries",
    ),
    elsewhere(
        "50",
        "an abort while it loops without end",
        "tests/attacks.rs::a_loop_went_on_after_the_run_was_aborted",
    ),
    guest(
        "51",
        "a call of the host from cabi_realloc",
        || filter([("realloc", "(drop (call $kind (i32.const 1)))")]),
        "",
        Expected::Trap("leave"),
    ),
    guest(
        "51",
        "a call of the host from a post-return function",
        || filter([("post-return", "(call $say (i32.const 1) (i32.const 0) (i32.const 0))")]),
        "",
        Expected::Trap("leave"),
    ),
    elsewhere(
        "51",
        "a component that calls one that waits for it",
        "tests/peers.rs::a_component_that_is_on_the_call_stack_is_unavailable_and_no_hang",
    ),
    host(
        "52",
        "64 that loop without end, beside a benign one",
        crowd,
        CommandLine::Test("cli/tests/hostile_aborts.rs::programs_that_loop_without_end_beside_a_benign_one"),
        "call-time=3s",
        Expected::Harmless("the benign one gives its answer while they run"),
    )
    .twice(),
];

/// Traps while those who are told of its event wait.
fn trap_in_an_event() -> Errands {
    Errands::granting(EVERYTHING).told("ok", [json!({"fire": "a"})]).ends(json!("panic"))
}

fn failing(limits: Limits, fails: fn() -> Fails) -> Ended {
    let mut told = String::new();
    for errand in [
        json!({"update-status": "id"}),
        json!({"send-exception": ["site-1", "id", "x"]}),
        json!({"put": ["key", "x"]}),
        json!({"put-archive": ["key", "job", ""]}),
        json!({"get": ["key", 0, 1]}),
        json!({"head": "key"}),
    ] {
        let mut site = granting(EVERYTHING, limits.clone());
        let service = Arc::new(fails());
        site.services.hub = Some(service.clone());
        site.services.object_store = Some(service);
        let outcomes = site.run(vec![errand, json!({"open": "job"})]);
        assert_eq!(outcomes[1], "ok", "it goes on");
        told.clone_from(&outcomes[0]);
        assert!(told.starts_with("unavailable: "), "{told}");
    }
    Ok(told)
}

/// Triggers the abort at the line of this number.
struct AbortAt(AtomicUsize, AbortSignal);

impl LogSink for AbortAt {
    fn line(&self, _: &str, _: Level, _: &str) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.1.trigger();
        }
    }
}

/// Each errand is a host call and a line that says how it went: the signal comes after each in turn.
fn abort_at_each_call(limits: Limits) -> Ended {
    let errands = vec![
        json!({"write": ["job", "a", "whole"]}),
        json!({"stage": ["job", "half", "never whole"]}),
        json!({"put": ["a", "whole"]}),
        json!({"put-archive": ["b", "images", ""]}),
        json!({"rename": ["job", "a", "job", "b"]}),
        json!({"write": ["job", "a", "whole"]}),
        json!({"remove": ["images", "1"]}),
        json!({"clear": "images"}),
        json!({"update-status": "id"}),
    ];
    for moment in 1..=errands.len() {
        let site = granting(EVERYTHING, limits.clone());
        for name in ["1", "2"] {
            site.write(&format!("images/{name}/scan"), "scan");
        }
        let abort = AbortSignal::default();
        let context = Arc::new(FlContext { abort: abort.clone(), ..(*context()).clone() });
        let component = crate::errand();
        let builder = component.instance().args(on_go(errands.clone())).limits(limits.clone());
        let builder = builder.grants(crate::granted(EVERYTHING)).services(site.services.clone());
        let mut runner = builder.log(Arc::new(AbortAt(moment.into(), abort.clone()))).build()?;
        runner.handle_event("go", &context)?;
        drop(runner);
        assert!(abort.is_triggered());
        assert_whole(&site, moment);
    }
    Ok("each moment".to_owned())
}

/// What is there is whole, and what came after the signal did not happen.
fn assert_whole(site: &Site, moment: usize) {
    let mut names = site.names("job");
    names.retain(|name| name != "a" && name != "b");
    assert!(names.is_empty(), "after call {moment}: {names:?}");
    for name in site.names("job") {
        assert_eq!(site.read(&format!("job/{name}")), "whole");
    }
    let images = match moment {
        1..=6 => 2,
        7 => 1,
        _ => 0,
    };
    assert_eq!(site.names("images").len(), images, "after call {moment}");
    assert_eq!(site.store.calls().len(), moment.saturating_sub(2).min(2), "after call {moment}");
    assert_eq!(site.hub.requests().len(), usize::from(moment == 9), "after call {moment}");
}

fn crowd(limits: Limits) -> Ended {
    thread::scope(|scope| {
        let hostile: Vec<_> = (0..64)
            .map(|_| {
                let limits = limits.clone();
                scope.spawn(|| {
                    misbehaving_within(r#""loop""#, limits).filter(update(), &context()).unwrap_err()
                })
            })
            .collect();
        super::footprint::benign();
        assert!(hostile.iter().any(|thread| !thread.is_finished()), "it came after them all");
        for thread in hostile {
            let error = thread.join().unwrap();
            assert!(error.to_string().contains("limit call-time"), "{error}");
        }
    });
    Ok("right".to_owned())
}
