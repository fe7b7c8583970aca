//! Names that look like lines of the log, and failures without end, through `flip-wasm run`.

use std::fs;

use crate::support::jobs::{Job, RUN, Ran};
use flip_wasm_tests::ERRAND;
use flip_wasm_tests::hostile::logs::{FORGING, forging_functions};
use serde_json::{Value, json};

/// A job with a component whose file is named so, run.
fn of_forging_file(wasm: &[u8], args: &Value) -> Ran {
    let job = Job::new().with("hostile", b"", "", args).event("go");
    job.write_down();
    fs::write(job.path("job").join(FORGING), wasm).unwrap();
    let config = job.text("job/config_fed_server.json");
    let path = json!(format!("wasm:{FORGING}")).to_string();
    job.write("job/config_fed_server.json", config.replace(r#""wasm:hostile.wasm""#, &path));
    Ran::of(job.site.output(&RUN))
}

#[test]
fn a_file_named_like_a_line_of_the_log_stays_on_its_own() {
    let shown = r"x\nERROR forged\u{1b}[2J\u{202e}: ";
    // When it traps, and when it cannot be set up.
    for (wasm, args) in [(ERRAND, json!({"on": {"go": ["panic"]}})), (&forging_functions(), json!({}))] {
        let ran = of_forging_file(wasm, &args);
        ran.assert_code(5);
        assert!(ran.log.contains(shown), "{}", ran.log);
        for text in [&ran.log, &ran.summary] {
            assert!(!text.contains('\u{1b}') && !text.contains("\nERROR forged"), "{text}");
        }
    }
}

#[test]
fn an_id_like_a_line_of_the_log_is_refused() {
    let job = Job::new().on("hostile", "", &json!({}));
    job.write_down();
    let config = job.text("job/config_fed_server.json");
    job.write("job/config_fed_server.json", config.replace(r#""hostile""#, r#""x\nERROR forged""#));
    let ran = Ran::of(job.site.output(&RUN));
    ran.assert_code(6);
    assert!(ran.log.contains("no character that is not shown"), "{}", ran.log);
    assert!(!ran.log.contains("\nERROR forged"), "{}", ran.log);
}

#[test]
fn of_events_that_fail_without_end_the_first_hundred_are_logged() {
    let mut job = Job::new().on("failing", "", &json!({"tick": ["panic"]}));
    job = job.on("benign", "", &json!({"end": [{"say": "here"}]}));
    for _ in 0..300 {
        job = job.event("tick");
    }
    let ran = job.event("end").run(&[]);
    let lines: Vec<_> = ran.log.lines().filter(|line| line.contains(" tick: failing: ")).collect();
    assert_eq!(lines.len(), 100, "{}", ran.log);
    assert!(ran.log.contains("its later failures are counted, and not logged"), "{}", ran.log);
    assert_eq!(ran.told("benign"), ["here"]);
}

#[test]
fn refused_system_panics_count_as_lines_of_the_log() {
    let panics = vec![json!({"system-panic": "stop"}); 200];
    let job = Job::new().on("hostile", "limits = { log-lines = 50 }", &json!({"go": panics})).event("go");
    let ran = job.run(&[]);
    let refused = ran.log.lines().filter(|line| line.contains("system panic refused")).count();
    assert!((1..50).contains(&refused), "{refused}: {}", ran.log);
    assert!(ran.log.contains("limit log-lines reached"), "{}", ran.log);
}
