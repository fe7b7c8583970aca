//! What is told on the standard output fits a terminal of a hundred columns, whatever the names and reasons are.

use std::process::Output;

use crate::support::{ARGS, Site, shown};
use flip_wasm_tests::MISBEHAVING_FILTER;
use flip_wasm_tests::job::{CLIENT, SERVER, StandardJob};

#[track_caller]
fn assert_fits(output: &Output) {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!text.is_empty(), "{}", shown(output));
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}\n\n{text}");
    }
}

#[test]
fn a_run_with_long_names_and_reasons() {
    let (job, long) = (StandardJob::new(), "a-long-name_".repeat(20));
    job.write("job/guest.wasm", MISBEHAVING_FILTER);
    let reason = "for a reason that is long ".repeat(20);
    job.edit(CLIENT, "flip.nvflare.components.PercentilePrivacy", "wasm:guest.wasm");
    job.edit(CLIENT, r#""gamma": 2.0"#, &format!(r#""deed": {{"refuse": "{reason}"}}"#));
    job.edit(CLIENT, "\"percentile\": 95,\n            \"off\": false", "\"unused\": 0");
    job.edit(CLIENT, "\"percentile_privacy\"", &format!("\"{long}\""));
    job.edit(SERVER, "\"aggregator\"", &format!("\"aggregator_{long}\""));
    let site = Site::at(job.path(""));
    let files = ["--report", "report.json", "--audit", "audit.jsonl"];
    let args = ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace"];
    let ran = site.output(&[&args[..], &files].concat());
    assert_eq!(ran.status.code(), Some(3), "{}", shown(&ran));
    assert_fits(&ran);
    let text = String::from_utf8(ran.stdout).unwrap();
    // Nothing is left out.
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(reason.trim()), "{text}");
    assert_fits(&site.output(&["audit", "audit.jsonl"]));
    assert_fits(&site.output(&["report", "report.json"]));
    assert_fits(&site.output(&["report", "audit.jsonl"]));
}

#[test]
fn a_filter_with_a_long_path() {
    let (site, long) = (Site::new(), "a-long-name_".repeat(10));
    std::fs::create_dir(site.path(&long)).unwrap();
    let out = format!("{long}/{long}.safetensors");
    let args = ["filter", "percentile-privacy", "--args", ARGS, "--in", "update.safetensors", "--out", &out];
    assert_fits(&site.output(&args));
}
