//! A hub and an object store that fail, or never answer, under a component that calls them, through
//! `flip-wasm run`.

use crate::support::jobs::{Job, Ran};
use crate::support::services::Services;
use flip_wasm_tests::EVERYTHING;
use flip_wasm_tests::servers::Fault;
use flip_wasm_tests::servers::hub::KEY;
use flip_wasm_tests::servers::s3::SECRET;
use serde_json::{Value, json};

/// Each thing that can be asked of a service.
pub fn calls() -> [Value; 7] {
    [
        json!({"update-status": "id"}),
        json!({"send-metric": ["site-1", "id", "loss", 0.5, 1]}),
        json!({"send-exception": ["site-1", "id", "x"]}),
        json!({"put": ["one", "x"]}),
        json!({"put-archive": ["two", "job", ""]}),
        json!({"get": ["three", 0, 1]}),
        json!({"head": "three"}),
    ]
}

/// A component for each of them, which goes on afterwards, at servers that fail like this.
fn run(fault: Fault, limits: &str) -> Ran {
    let services = Services::new();
    services.fail(move |_| Some(fault));
    let mut job = Job::new();
    for (number, call) in calls().into_iter().enumerate() {
        let granted = format!("{EVERYTHING}\n{limits}");
        job = job.on(&format!("number-{number}"), &granted, &json!({"go": [call, {"open": "job"}]}));
    }
    let job = job.event("go");
    job.write("workspace/server/job-1/a", "x");
    let ran = services.run(&job, &[]);
    let Services { hub, s3 } = services;
    assert!(!hub.server.seen().is_empty() && !s3.server.seen().is_empty(), "nobody was asked");
    assert!(hub.log.lock().unwrap().is_empty());
    s3.assert_nothing_left();
    assert_eq!(job.names(), ["a"]);
    ran
}

/// Each is told so and goes on. A status that did not reach the hub is what the run ends with.
#[track_caller]
fn assert_unavailable(ran: &Ran) {
    ran.assert_code(7);
    for number in 0..calls().len() {
        let told = ran.told(&format!("number-{number}"));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("unavailable: ") && told[1] == "ok", "{told:?}");
    }
    assert!(ran.summary.contains("(did not reach the hub)"), "{}", ran.summary);
    assert!(!ran.log.contains(KEY) && !ran.log.contains(SECRET), "{}", ran.log);
}

#[test]
fn servers_that_fail_at_each_call_are_unavailable() {
    for (fault, limits) in [
        (Fault::Status(403), ""),
        (Fault::Status(500), "limits = { call-time = \"1s\" }"),
        (Fault::Cut, "limits = { call-time = \"1s\" }"),
    ] {
        assert_unavailable(&run(fault, limits));
    }
}

#[test]
fn servers_that_never_answer_are_unavailable() {
    assert_unavailable(&run(Fault::Stall, "limits = { call-time = \"1s\" }"));
}
