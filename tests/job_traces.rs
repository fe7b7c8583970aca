//! Traces that cannot be used: the message names the file and the line.

use flip_runtime::job::Trace;
use flip_runtime::{Code, Error};
use flip_wasm_tests::job::{RESULTS, StandardJob, TRACE};
use flip_wasm_tests::write_safetensors;

const HEADER: &str =
    r#"{"trace": 1, "job_id": "simulate_job", "server": "simulator_server", "sites": ["site-1", "site-2"]}"#;

/// What is said of a trace.
#[track_caller]
fn refused(trace: &str) -> String {
    let job = StandardJob::new();
    job.write(TRACE, trace);
    let error = job.run_alone(|_| ()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput, "{error}");
    let text = error.to_string();
    assert!(text.len() < 1_000 && !text.contains('\n'), "{text}");
    text
}

/// The line must be named, and what is wrong with it.
#[track_caller]
fn assert_refused(trace: &str, line: u64, parts: &[&str]) {
    let text = refused(trace);
    assert!(text.contains(&format!("trace.jsonl, line {line}: ")), "{text}");
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn a_header_that_is_none() {
    for (header, parts) in [
        ("", &["no header"][..]),
        (r#"{"seq": 0, "at": "server", "event": "_start_run"}"#, &["no header", "seq"]),
        (r#"{"trace": 2, "job_id": "j", "server": "s", "sites": []}"#, &["version 2", "reads 1"]),
        (r#"{"trace": 1, "job_id": "j", "server": "s"}"#, &["no header", "sites"]),
        (r#"{"trace": 1, "job_id": "j", "server": "s", "sites": [], "site": 1}"#, &["no header", "`site`"]),
        (r#"{"trace": 1, "trace": 1, "job_id": "j", "server": "s", "sites": []}"#, &["duplicate field"]),
        ("[]", &["no header"]),
    ] {
        assert_refused(header, 1, parts);
    }
    let job = StandardJob::new();
    std::fs::remove_file(job.path(TRACE)).unwrap();
    assert!(matches!(Trace::open(&job.path(TRACE)), Err(Error::File { .. })));
}

#[test]
fn names_that_would_be_other_folders() {
    for name in ["../x", "a/b", "", ".", ".."] {
        let text = refused(&HEADER.replace("site-2", name));
        assert!(text.contains(&format!("{name:?} cannot be the name of a folder")), "{text}");
        refused(&HEADER.replace("simulate_job", name));
    }
    for name in ["server", "images", "outbox", "store", "site-1"] {
        let text = refused(&HEADER.replace("site-2", name));
        assert!(text.contains(&format!("{name:?} cannot be a site")), "{text}");
    }
}

#[test]
fn a_line_that_cannot_be_used_is_named() {
    for (line, parts) in [
        ("{", &["byte"][..]),
        ("[1]", &["not an object"]),
        (r#"{"at": "server"}"#, &["neither event nor task nor result"]),
        (r#"{"event": "_start_run"}"#, &["at is missing"]),
        (r#"{"at": "server", "event": 3}"#, &["event: ", "integer `3`"]),
        (r#"{"at": "server", "event": "e", "prop": {}}"#, &[r#"unknown field "prop""#]),
        (r#"{"at": "server", "event": "e", "task": "t"}"#, &[r#"unknown field "task""#]),
        (r#"{"at": "server", "event": "e", "at": "site-1"}"#, &[r#""at" comes twice"#]),
        (r#"{"at": "server", "event": "e", "props": []}"#, &["props: not an object"]),
        (r#"{"at": "site-3", "event": "e"}"#, &[r#""site-3""#]),
        (r#"{"at": "", "event": "e"}"#, &[r#""""#]),
        (r#"{"seq": -1, "at": "server", "event": "e"}"#, &["seq: "]),
        (r#"{"seq": 1e999, "at": "server", "event": "e"}"#, &["seq: "]),
        (
            r#"{"at": "site-1", "result": {"task": "train", "return_code": "GOOD"}}"#,
            &["result: ", r#""GOOD" is no return code"#],
        ),
        (
            r#"{"at": "site-1", "result": {"task": "train", "headers": {"__rc__": "GOOD"}}}"#,
            &[r#""GOOD" is no return code"#],
        ),
        (r#"{"at": "site-1", "result": {"return_code": "OK"}}"#, &["task is missing"]),
        (r#"{"at": "site-1", "result": {"task": "train", "rc": "OK"}}"#, &[r#"unknown field "rc""#]),
        (
            r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "WEIGHTDIFF"}}}"#,
            &[r#""WEIGHTDIFF" is no data kind"#],
        ),
        (
            r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "WEIGHTS"}}}"#,
            &["the tensors are missing"],
        ),
        (
            r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "METRICS"}}}"#,
            &["METRICS needs data"],
        ),
        (
            r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "WEIGHTS", "tensors": "tensors/none"}}}"#,
            &["tensors/none", "No such file"],
        ),
        (
            r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "WEIGHTS", "tensors": "trace.jsonl"}}}"#,
            &["trace.jsonl"],
        ),
        (
            r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "WEIGHTS", "tensors": "."}}}"#,
            &["not a regular file"],
        ),
        (
            r#"{"at": "server", "event": "e", "props": {"p": {"shareable": {"dxo": {"kind": "X"}}}}}"#,
            &[r#"prop "p": "#, r#""X" is no data kind"#],
        ),
        (r#"{"at": "site-1", "task": "t", "data": {"dxos": {}}}"#, &["data: ", r#"unknown field "dxos""#]),
    ] {
        // Empty lines count, and what comes before is fine.
        let before = r#"{"at": "server", "event": "_round_started"}"#;
        assert_refused(&format!("{HEADER}\n\n{before}\n{line}\n{before}\n"), 4, parts);
    }
}

#[test]
fn a_tensors_file_that_lies_is_named_with_the_line() {
    let job = StandardJob::new();
    write_safetensors(
        &job.path("tensors/lie"),
        r#"{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}"#,
        &[0; 4],
    );
    let line = r#"{"at": "site-1", "result": {"task": "train", "dxo": {"kind": "WEIGHTS", "tensors": "tensors/lie"}}}"#;
    job.write(TRACE, format!("{HEADER}\n{line}"));
    let text = job.run_alone(|_| ()).unwrap_err().to_string();
    assert!(text.contains("trace.jsonl, line 2: ") && text.contains("tensors/lie"), "{text}");
}

#[test]
pub fn hostile_json_is_an_error_that_names_the_line() {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    for value in [nested("[", "]"), nested("{\"a\":", "}"), "[".repeat(100_000)] {
        let line = format!(r#"{{"at": "server", "event": "e", "props": {{"p": {value}}}}}"#);
        assert_refused(&format!("{HEADER}\n{line}"), 2, &[]);
    }
    let mut collection = r#"{"kind": "METRICS", "data": {}}"#.to_owned();
    for _ in 0..40 {
        collection = format!(r#"{{"kind": "COLLECTION", "data": {{"m": {collection}}}}}"#);
    }
    let line = format!(r#"{{"at": "site-1", "result": {{"task": "t", "dxo": {collection}}}}}"#);
    assert_refused(&format!("{HEADER}\n{line}"), 2, &["nest deeper than 16"]);
    let header = HEADER.replace("1,", &format!("{},", "9".repeat(100_000)));
    assert_refused(&header, 1, &["no header"]);
}

#[test]
fn bytes_that_are_no_text_are_an_error_that_names_the_line() {
    let job = StandardJob::new();
    job.write(TRACE, [HEADER.as_bytes(), b"\n\xff\xfe\n"].concat());
    let text = job.run_alone(|_| ()).unwrap_err().to_string();
    assert!(text.ends_with("trace.jsonl, line 2: not UTF-8"), "{text}");
}

#[test]
pub fn metrics_with_huge_numbers_or_deep_values_do_not_end_the_run() {
    let figure = "0.732815682888031";
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let huge = "9".repeat(1_000);
    for value in ["1e999", "-1e999", &huge, &deep(100), &deep(150), "NaN", "Infinity", "-Infinity"] {
        let job = StandardJob::new();
        job.edit(TRACE, figure, value);
        let report = job.run_alone(|_| ()).unwrap_or_else(|error| panic!("{:.40}: {error}", value));
        // A value that cannot be kept is missed alone.
        assert!(job.text(RESULTS).contains("0.922609269618988"), "{value:.40}");
        assert_eq!(report.statuses.len(), 4, "{value:.40}");
    }
}

#[test]
fn a_trace_that_ends_early_ends_the_run_there() {
    let job = StandardJob::new();
    let text = job.text(TRACE);
    let cut: Vec<&str> = text.lines().take(60).collect();
    job.write(TRACE, cut.join("\n"));
    let report = job.run_alone(|_| ()).unwrap();
    assert_eq!(flip_wasm_tests::job::statuses(&report), ["INITIATED", "PREPARED", "TRAINING_STARTED"]);
}
