//! A flood of calls, and the audit trail of `flip-wasm run`: it holds every call, or the component ends at the limit.

use crate::support::jobs::{Job, Ran};
use flip_wasm_tests::EVERYTHING;
use serde_json::{Value, json};

const FLOOD: u64 = 1_500;

/// Reads and deletions, each a line of its own; then everything goes.
fn run(limits: &str) -> (Job, Ran, Value) {
    let mut errands = vec![json!({"again": [FLOOD, {"read": ["job", "a", 0, 1]}]})];
    errands.extend((0..FLOOD).map(|number| json!({"remove": ["job", format!("no-{number}")]})));
    errands.push(json!({"clear": "job"}));
    let job = Job::new().on("hostile", &format!("{EVERYTHING}\n{limits}"), &json!({"go": errands}));
    let job = job.on("benign", EVERYTHING, &json!({"go": [{"stat": ["job", "none"]}]})).event("go");
    job.write("workspace/server/job-1/a", "x");
    let ran = job.run(&["--audit", "audit.jsonl"]);
    // Whoever checks it finds it whole.
    let checked = job.site.output(&["audit", "audit.jsonl", "--json"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let checked = serde_json::from_slice(&checked.stdout).unwrap();
    (job, ran, checked)
}

/// How many calls of this function the trail holds.
fn noted(checked: &Value, function: &str) -> u64 {
    let calls = checked["calls"].as_array().unwrap().iter();
    calls.filter(|count| count["function"] == function).map(|count| count["calls"].as_u64().unwrap()).sum()
}

#[test]
fn a_flood_of_calls_is_noted_whole_or_ends_at_the_limit() {
    let (job, ran, checked) = run("");
    ran.assert_code(0);
    let whole = ["read", "remove", "clear", "stat"].map(|function| noted(&checked, function));
    assert_eq!(whole, [FLOOD, FLOOD, 1, 1], "{checked}");
    assert!(job.names().is_empty(), "{:?}", job.names());

    let (job, ran, checked) = run("limits = { audit-bytes = \"100KiB\" }");
    ran.assert_code(5);
    assert!(ran.summary.contains("limit audit-bytes reached: 100.0 KiB allowed"), "{}", ran.summary);
    let hostile = ["read", "remove", "clear"].map(|function| noted(&checked, function));
    // The call that had no room was not made.
    assert!((1..FLOOD).contains(&hostile[0]) && hostile[1..] == [0, 0], "{checked}");
    assert_eq!(job.names(), ["a"]);
    let bytes = std::fs::metadata(job.path("audit.jsonl")).unwrap().len();
    assert!(bytes < 200 << 10, "{bytes} bytes");
    // The limit is its own: another one goes on, and is noted.
    assert_eq!((noted(&checked, "stat"), ran.told("benign").len()), (1, 1), "{}", ran.log);
}
