//! A hostile component in a job, through `flip-wasm run`: what it asks for in vain it is told, the job runs to
//! its end beside it, and nothing outside its grants is touched.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod support;

use std::os::unix::fs::symlink;

use flip_wasm_tests::ERRAND;
use flip_wasm_tests::job::{RESULTS, SERVER, StandardJob};
use serde_json::{Value, json};
use support::Site;

const POLICY: &str = r#"
[components.errand]
directories = { job = "read-write", workspace = "read" }
cleanup = ["job/own/*"]
object-store = ["put", "get"]
object-prefixes = ["own"]
events = ["a"]
limits = { events = 3, files = 20, file-bytes = "100KiB", upload-bytes = "100KiB", log-lines = 200, call-time = "5s" }
"#;

/// The recorded job with the errand runner beside FLIP's own components, which does this as the run starts.
fn run(errands: &[Value], policy: &str) -> (StandardJob, i32, String) {
    let job = StandardJob::new();
    job.write("job/errand.wasm", ERRAND);
    job.write("policy.toml", policy);
    symlink("/etc", job.path("workspace/server/simulate_job/out")).unwrap();
    let args = json!({"on": {"_start_run": errands}});
    let entry = json!({"id": "errand", "path": "wasm:errand.wasm", "args": args});
    job.edit(SERVER, "\"components\": [", &format!("\"components\": [ {entry},"));
    let args =
        ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace", "--policy", "policy.toml"];
    let output = Site::at(job.path("")).output(&[&args[..], &["--log-format", "text"]].concat());
    assert!(!output.stderr.contains(&0x1b), "an escape reached the terminal");
    let log = String::from_utf8(output.stderr).unwrap();
    (job, output.status.code().unwrap(), log)
}

/// What the errand runner was told, a line for each errand.
fn told(log: &str) -> Vec<&str> {
    let lines = log.lines().filter_map(|line| line.strip_suffix(" component=\"server/errand\""));
    lines.filter_map(|line| line.trim_start().strip_prefix("INFO ")).collect()
}

/// An errand, and what its outcome begins with.
fn attacks() -> Vec<(Value, &'static str)> {
    let many_parts = "a/".repeat(10_000) + "a";
    let mut attacks = vec![
        (json!({"read": ["job", "../server_log", 0, 9]}), "invalid argument: "),
        (json!({"read": ["job", "/etc/passwd", 0, 9]}), "invalid argument: "),
        (json!({"read": ["job", "a\u{0}b", 0, 9]}), "invalid argument: "),
        (json!({"read": ["job", "a/", 0, 9]}), "invalid argument: "),
        (json!({"read": ["job", many_parts, 0, 9]}), "invalid argument: "),
        (json!({"read": ["job", "%2e%2e/x", 0, 9]}), "not found: "),
        (json!({"read": ["job", "out/passwd", 0, 9]}), "not found: "),
        (json!({"write": ["job", "out/x", "x"]}), "not found: "),
        (json!({"read": ["job", "app_server/model/FL_global_model.pt", u64::MAX, u32::MAX]}), "ok \"\""),
        (json!({"open": "images"}), "not permitted: directories"),
        (json!({"write": ["workspace", "x", "x"]}), "not permitted: directories"),
        (json!({"rename": ["workspace", "save", "job", "save"]}), "not permitted: directories"),
        (json!({"remove": ["job", "app_server"]}), "not permitted: cleanup"),
        (json!({"clear": "workspace"}), "not permitted: cleanup"),
        (json!({"put": ["../x", "x"]}), "invalid argument: "),
        (json!({"put": ["other/x", "x"]}), "not permitted: object-prefixes"),
        (json!({"head": "own/x"}), "not permitted: object-store"),
        (json!({"put": ["own/x", "x"]}), "ok "),
        (json!({"put-zeroes": ["own/y", 200 << 10]}), "quota exceeded: limit upload-bytes"),
        (json!({"write-zeroes": ["job", "y", 200 << 10]}), "quota exceeded: limit file-bytes"),
        (json!({"update-status": "id"}), "not permitted: hub"),
        (json!({"send-exception": ["site-1", "id", "text"]}), "not permitted: hub"),
        (json!({"fire": "_end_run"}), "not permitted: events"),
        (json!({"system-panic": "stop"}), "ok"),
        (json!({"get-results-persistor": "persist_and_cleanup"}), "not permitted: peers"),
        (json!({"say": "\u{1b}[2J\nERROR forged"}), "\\u{1b}[2J\\nERROR forged"),
    ];
    attacks.extend((0..3).map(|_| (json!({"fire": "a"}), "ok")));
    attacks.push((json!({"fire": "a"}), "quota exceeded: limit events"));
    attacks
}

#[test]
fn hostile_calls_in_a_job_are_refused_and_the_job_runs_to_its_end() {
    let (errands, expected): (Vec<_>, Vec<_>) = attacks().into_iter().unzip();
    let (job, code, log) = run(&errands, POLICY);
    let told = told(&log);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for ((told, expected), errand) in told.iter().zip(expected).zip(errands) {
        assert!(told.starts_with(expected), "{errand:.200}: {told}");
    }
    assert_eq!(code, 0, "{log}");
    assert_eq!(job.text(RESULTS), job.text("expected/cross_val_results.json"));
    let stored = job.files("workspace/store").into_keys().collect::<Vec<_>>();
    assert!(stored.len() == 2 && stored.iter().any(|name| name == "own/x"), "{stored:?}");
    assert!(!std::path::Path::new("/etc/x").exists());
}

#[test]
fn hostile_floods_and_panics_in_a_job_end_at_their_limits_beside_the_others() {
    let flood = vec![json!({"say": "again"}); 1_000];
    let files = (0..30).map(|n| json!({"write": ["job", format!("own-{n}"), "x"]})).collect::<Vec<_>>();
    let handles = vec![json!({"keep-open": ["job", 1_000]})];
    for (errands, code, text) in [
        (flood, 0, "limit log-lines reached"),
        (files, 0, "limit files reached"),
        (handles, 0, "quota exceeded: "),
        (vec![json!("panic")], 5, "trapped"),
        (vec![json!({"read-until": ["job", "app_server/custom/trainer.py", "never that"]})], 5, "call-time"),
    ] {
        let (job, ended, log) = run(&errands, POLICY);
        assert_eq!(ended, code, "{text}: {log}");
        assert!(log.contains(text), "{text}: {log}");
        assert_eq!(job.text(RESULTS), job.text("expected/cross_val_results.json"));
    }
}
