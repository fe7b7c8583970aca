//! A disk that does not answer, through `flip-wasm run`.

use crate::support::jobs::Job;
use flip_wasm_tests::{DeadDisk, EVERYTHING};
use serde_json::json;

#[test]
fn a_component_that_comes_to_a_dead_disk_ends_in_time_and_the_others_go_on() {
    let granted = format!("{EVERYTHING}\nlimits = {{ call-time = \"2s\" }}");
    let job = Job::new()
        .on("hangs", &granted, &json!({"go": [{"stat": ["workspace", "dead/x"]}, {"say": "went on"}]}))
        .on("other", EVERYTHING, &json!({"go": [{"write": ["job", "a", "mine"]}]}))
        .event("go");
    let dead = job.path("workspace/server/dead");
    std::fs::create_dir(&dead).unwrap();
    let Some(_dead) = DeadDisk::mount(&dead) else {
        println!("no file system can be mounted here");
        return;
    };
    let ran = job.run(&["--audit", "audit.jsonl"]);
    ran.assert_code(5);
    assert!(ran.summary.contains("limit call-time reached: 2s allowed"), "{}", ran.summary);
    assert!(ran.told("hangs").is_empty(), "{}", ran.log);
    assert_eq!(ran.told("other"), ["ok"]);
    assert_eq!(job.text("workspace/server/job-1/a"), "mine");
    // The trail says of the call that it was given up.
    let trail = job.text("audit.jsonl");
    let stat = trail.lines().find(|line| line.contains(r#""function":"stat""#)).unwrap();
    assert!(stat.contains(r#""outcome":"given-up""#), "{stat}");
    assert_eq!(job.site.output(&["audit", "audit.jsonl"]).status.code(), Some(0));
}
