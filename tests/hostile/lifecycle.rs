//! Traps in each export, services that fail or panic, calls of the host where none may be made, and crowds.

use std::sync::Arc;
use std::thread;

use flip_runtime::Limits;
use flip_runtime::services::ServiceError;
use serde_json::json;

use super::aborts;
use super::destructors::{SAYING, dropping};
use super::errands::Errands;
use super::files::granting;
use super::guest::{fields, filter, handling, process};
use super::table::{Attack, CommandLine, Ended, Expected, covered, deed, errands, guest, host};
use crate::{EVERYTHING, Fails};

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
        "a trap where it says which events it handles",
        trap_in_interests,
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
    covered(
        "48",
        "a handler that traps, and those who waited for it",
        "tests/events.rs::a_trap_loses_no_event_that_waits_for_the_others",
        CommandLine::Test("cli/tests/hostile_traps.rs::a_trap_loses_no_event_that_waits_for_the_others"),
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
    .panicking(),
    host(
        "49",
        "a service that never answers",
        |limits| failing(limits, || Fails::Waits),
        CommandLine::Test("cli/tests/hostile_services.rs::servers_that_never_answer_are_unavailable"),
        "call-time=1s",
        Expected::Told("unavailable: "),
    ),
    covered(
        "49",
        "a hub and a store that fail, or panic, at one call of a job, each call in turn",
        "tests/faults.rs::a_hub_and_a_store_that_fail_at_any_one_call_of_a_job_cost_it_no_result",
        CommandLine::Test("cli/tests/hostile_failures.rs::a_hub_and_a_store_that_fail_at_any_one_request_of_a_job_cost_it_no_result"),
    )
    .panicking(),
    covered(
        "49",
        "the same of all that the persistor calls: directories, events, its peer, its inventory, the store",
        "tests/faults.rs::whatever_the_persistor_calls_may_fail_and_it_is_told",
        CommandLine::Unreachable(
            "its hub and its store fail in the row above; the rest is the program's own, and none that fails can be named",
        ),
    )
    .panicking(),
    covered(
        "49",
        "a service that holds on after the call's end, and the audit trail",
        "tests/audit_hostile.rs::a_call_whose_time_is_up_is_noted_as_given_up",
        CommandLine::Test(
            "cli/tests/hostile_disks.rs::a_component_that_comes_to_a_dead_disk_ends_in_time_and_the_others_go_on",
        ),
    )
    .slow(),
    covered(
        "49",
        "a flood of calls, and the audit trail",
        "tests/audit_hostile.rs::a_flood_of_calls_is_noted_whole_or_ends_at_the_limit",
        CommandLine::Test("cli/tests/hostile_audit.rs::a_flood_of_calls_is_noted_whole_or_ends_at_the_limit"),
    )
    .slow(),
    covered(
        "49",
        "a server of objects that fails at each request",
        "tests/object_store_failures.rs::a_server_that_fails_leaves_nothing",
        CommandLine::Test("cli/tests/hostile_failures.rs::a_server_of_objects_that_fails_at_each_request_leaves_nothing"),
    ),
    guest(
        "51",
        "a call of the host from the destructor of a resource, which it drops in its call",
        || dropping(SAYING, "process"),
        "",
        Expected::Logged("its end"),
    ),
    guest(
        "51",
        "the same where it drops the resource in a post-return function",
        || dropping(SAYING, "post-return"),
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
    covered(
        "51",
        "a component that calls one that waits for it",
        "tests/peers.rs::a_component_that_is_on_the_call_stack_is_unavailable_and_no_hang",
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::components_that_call_each_other_are_unavailable_and_no_hang",
        ),
    ),
    covered(
        "51",
        "a component that calls another with the last of its time",
        "tests/peers.rs::a_caller_with_the_last_of_its_time_ended_its_peer",
        CommandLine::Test("cli/tests/hostile_jobs_alone.rs::a_caller_with_the_last_of_its_time_ended_its_peer"),
    )
    .slow(),
    host(
        "52",
        "64 that loop without end, beside a benign one",
        aborts::crowd,
        CommandLine::Test("cli/tests/hostile_aborts.rs::programs_that_loop_without_end_beside_a_benign_one"),
        "call-time=3s",
        Expected::Harmless(
            "the benign one gives its answer while they run; once they have run for longer than it needs, it waits no \
             longer than it runs: `runtime/src/turns/tests.rs`. Among processes the system decides",
        ),
    ),
];

/// A filter that would handle events too.
fn trap_in_interests() -> String {
    handling(&fields(
        r#"(func (export "interests") (result i32) unreachable)
        (func (export "handle") (param i32 i32 i32) (result i32) (i32.const 0))"#,
    ))
}

/// Traps while those who are told of its event wait.
fn trap_in_an_event() -> Errands {
    Errands::granting(EVERYTHING).told("ok", [json!({"fire": "a"})]).ends(json!("panic"))
}

fn failing(limits: Limits, fails: fn() -> Fails) -> Ended {
    let errands = [
        json!({"update-status": "id"}),
        json!({"send-exception": ["site-1", "id", "x"]}),
        json!({"put": ["key", "x"]}),
        json!({"put-archive": ["key", "job", ""]}),
        json!({"get": ["key", 0, 1]}),
        json!({"head": "key"}),
    ];
    // At the same time: each may wait for the end of its call.
    thread::scope(|scope| {
        let all = errands.map(|errand| {
            let limits = limits.clone();
            scope.spawn(move || {
                let mut site = granting(EVERYTHING, limits);
                let service = Arc::new(fails());
                site.services.hub = Some(service.clone());
                site.services.object_store = Some(service);
                let outcomes = site.run(vec![errand, json!({"open": "job"})]);
                assert_eq!(outcomes[1], "ok", "it goes on");
                assert!(outcomes[0].starts_with("unavailable: "), "{}", outcomes[0]);
                outcomes[0].clone()
            })
        });
        Ok(all.map(|one| one.join().unwrap()).join("; "))
    })
}
