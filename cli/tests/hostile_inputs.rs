//! Args, metrics, configurations, traces, updates and checkpoints that are too deep, too large, cut off or lie, an
//! output that nobody could read, and one input twice, through the program.

use std::fs;
use std::process::Output;

use crate::support::{Site, shown};
use flip_wasm_tests::MISBEHAVING_FILTER;
use flip_wasm_tests::hostile::checkpoints;
use flip_wasm_tests::hostile::loading::crowd;
use flip_wasm_tests::job::{CLIENT, RESULTS, SERVER, StandardJob, TRACE};
use serde_json::Value;

/// Lists within lists: whoever reads them recursively overflows its stack.
fn deep(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn run(job: &StandardJob) -> Output {
    let args = ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace"];
    Site::at(job.path("")).hostile().output(&[&args[..], &["--report", "report.json"]].concat())
}

/// It is refused with this text, and nothing has run.
#[track_caller]
fn assert_refused(job: &StandardJob, texts: &[&str]) {
    let output = run(job);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said:.1000}");
    assert!(said.len() < 2_000 && texts.iter().all(|text| said.contains(text)), "{said:.1000}");
    assert!(job.files("workspace/outbox").is_empty() && !job.path("report.json").exists());
}

/// As deep as an argument may be long, and in a file as deep as the library is tried with.
#[test]
fn args_that_nest_too_deep_are_refused() {
    let site = Site::new().hostile();
    let before = site.files();
    let args = format!(r#"{{"percentile": {}}}"#, deep(60_000));
    let output = site.output(&[
        "filter",
        "percentile-privacy",
        "--args",
        &args,
        "--in",
        "update.safetensors",
        "--out",
        "out.safetensors",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("not a JSON object: recursion limit exceeded"), "{}", &said[said.len() - 500..]);
    assert_eq!(site.files(), before);

    let job = StandardJob::new();
    job.edit(CLIENT, "\"percentile\": 95", &format!("\"percentile\": {}", deep(100_000)));
    assert_refused(&job, &["config_fed_client.json", "recursion limit exceeded"]);
}

/// The configuration itself, what an argument of a component is, numbers that are none, and the environment's file.
#[test]
fn hostile_json_in_a_configuration_is_refused() {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    for value in [nested("[", "]"), nested("{\"a\": ", "}"), "[".repeat(100_000)] {
        for file in [SERVER, CLIENT] {
            let job = StandardJob::new();
            job.write(file, &value);
            assert_refused(&job, &[&file["job/".len()..]]);
            let job = StandardJob::new();
            job.edit(file, "\"format_version\": 2", &format!("\"format_version\": {value}"));
            assert_refused(&job, &[&file["job/".len()..]]);
        }
    }
    for value in [&*deep(100_000), "1e999", "-1e999", &"9".repeat(100_000)] {
        let job = StandardJob::new();
        job.edit(CLIENT, "\"percentile\": 95", &format!("\"percentile\": {value}"));
        assert_refused(&job, &["config_fed_client.json: "]);
    }
    let job = StandardJob::new();
    job.write("job/environment.json", format!("{{\"APP_CKPT_DIR\": {}}}", deep(100_000)));
    assert_refused(&job, &["environment.json: ", "recursion limit"]);
}

/// A value that cannot be kept is missed alone.
#[test]
fn metrics_with_huge_numbers_or_deep_values_do_not_end_the_run() {
    let huge = "9".repeat(1_000);
    let values = ["1e999", "-1e999", &huge, &deep(100), &deep(150), "NaN", "Infinity", "-Infinity"];
    for value in values {
        let job = StandardJob::new();
        job.edit(TRACE, "0.732815682888031", value);
        let output = run(&job);
        assert_eq!(output.status.code(), Some(0), "{value:.40}: {}", shown(&output));
        assert!(job.text(RESULTS).contains("0.922609269618988"), "{value:.40}");
        let report = flip_runtime::report::Report::read(job.text("report.json").as_bytes()).unwrap();
        assert_eq!(report.statuses.len(), 4, "{value:.40}");
        assert_eq!(job.files("workspace/outbox").len(), 4, "{value:.40}");
    }
}

/// What comes before them in the trace has happened: the run is wound up.
#[test]
fn metrics_that_nest_too_deep_end_the_run_in_order() {
    let job = StandardJob::new();
    job.edit(TRACE, "0.732815682888031", &deep(100_000));
    let output = run(&job);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said:.1000}");
    let error = said.lines().last().unwrap();
    assert!(error.starts_with("error: trace.jsonl, line ") && error.len() < 200, "{error:.1000}");
    assert!(error.contains("recursion limit exceeded"), "{error}");
    assert_eq!(job.text(RESULTS), "{}", "no metrics were taken");
    assert!(job.text("workspace/hub.jsonl").trim_end().lines().last().unwrap().contains("/status/ERROR"));
    let report = flip_runtime::report::Report::read(job.text("report.json").as_bytes()).unwrap();
    assert_eq!(report.failure.as_deref(), Some("invalid-input"));
    let fatal = report.places[0].fatal.as_ref().unwrap();
    assert!(fatal.component == "the trace" && error.contains(&fatal.reason), "{fatal:?}");
}

#[test]
fn a_configuration_of_100_mb_is_refused() {
    let job = StandardJob::new();
    fs::File::create(job.path(CLIENT)).unwrap().set_len(100 << 20).unwrap();
    assert_refused(&job, &["config_fed_client.json: not a regular file of at most 1048576 bytes"]);
}

#[test]
fn a_valid_configuration_of_just_under_1_mib_is_read() {
    let job = StandardJob::new();
    crowd(&job);
    let output = run(&job);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

#[test]
fn a_table_of_a_policy_that_is_for_no_component_was_passed_over_in_silence() {
    let job = StandardJob::new();
    job.write("policy.toml", "[components.percentile_privcy]\n[components.percentile_privacy]\n");
    let args = ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace"];
    let output = Site::at(job.path("")).hostile().output(&[&args[..], &["--policy", "policy.toml"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let warned = r#"names no component of this job; did you mean "percentile_privacy"?"#;
    assert_eq!(said.matches(warned).count(), 1, "{said}");
}

#[test]
fn the_same_update_twice_is_the_same_file() {
    let site = Site::new().hostile();
    site.write("guest.wasm", MISBEHAVING_FILTER);
    let given = fs::read(site.path("update.safetensors")).unwrap();
    for (component, args) in
        [("guest.wasm", r#"{"deed": "zero-half"}"#), ("percentile-privacy", crate::support::ARGS)]
    {
        let twice = ["one", "two"].map(|name| {
            let (out, report) = (format!("{name}.safetensors"), format!("{name}.json"));
            let args = ["filter", component, "--args", args, "--in", "update.safetensors", "--out", &out];
            let output = site.output(&[&args[..], &["--report", &report]].concat());
            assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
            let report: Value = serde_json::from_slice(&fs::read(site.path(&report)).unwrap()).unwrap();
            let usage = &report["places"][0]["components"][0]["usage"];
            assert!(usage["host-calls"].is_object() && usage["peak-memory"].is_u64(), "{usage}");
            let figures = (
                usage["host-calls"].clone(),
                usage["peak-memory"].clone(),
                report["results"][0]["filters"].clone(),
            );
            (fs::read(site.path(&out)).unwrap(), figures)
        });
        assert_ne!(twice[0].0, given, "{component} did nothing");
        assert!(twice[0].0 == twice[1].0, "{component}: other bytes went out");
        assert_eq!(twice[0].1, twice[1].1, "{component}");
    }
}

#[test]
fn a_trace_that_nests_too_deep_is_refused() {
    let job = StandardJob::new();
    let trace = job.text(TRACE);
    let line = format!(r#"{{"at": "server", "event": "e", "props": {{"p": {}}}}}"#, deep(100_000));
    let (header, rest) = trace.split_once('\n').unwrap();
    job.write(TRACE, format!("{header}\n{line}\n{rest}"));
    let output = run(&job);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said:.1000}");
    let error = said.lines().last().unwrap();
    assert!(error.starts_with("error: trace.jsonl, line 2: ") && error.len() < 200, "{error:.1000}");
    assert!(error.contains("recursion limit exceeded"), "{error}");
}

/// At each byte of its header, and at some of its data.
#[test]
fn an_update_cut_off_anywhere_is_refused() {
    let site = Site::new().hostile();
    site.write_dxo("update.safetensors", flip_wasm_tests::update());
    let whole = fs::read(site.path("update.safetensors")).unwrap();
    let args = ["filter", "percentile-privacy", "--in", "cut.safetensors", "--out", "out.safetensors"];
    site.write("cut.safetensors", &whole);
    assert_eq!(site.output(&args).status.code(), Some(0));
    fs::remove_file(site.path("out.safetensors")).unwrap();
    let before = site.files();
    let header = whole.len() - 24;
    assert!(header < 400, "{header} bytes of header");
    for end in (0..=header).chain([header + 1, header + 8, header + 16, header + 23]) {
        site.write("cut.safetensors", &whole[..end]);
        let output = site.output(&args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "cut off at {end}: {said}");
        let reason = if end < 8 { "ends before" } else { "truncated" };
        assert!(said.contains(reason), "cut off at {end}: {said}");
        assert_eq!(site.files(), before, "cut off at {end}");
    }
}

#[test]
fn checkpoints_that_lie_are_refused() {
    for (lie, reason) in checkpoints::LIES {
        let site = Site::new().hostile();
        site.write("model.pt", &checkpoints::lying(lie));
        let before = site.files();
        for more in [&[][..], &["--out", "model.safetensors"]] {
            let output = site.output(&[&["checkpoint", "model.pt"], more].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(6), "{lie}: {said}");
            assert!(said.contains(reason), "{lie}: {said}");
            assert_eq!(site.files(), before, "{lie}");
        }
    }
}

/// A tensor of a name that the format keeps for itself, and a header that is longer than any that is read.
#[test]
fn an_output_that_nobody_could_read_is_not_written() {
    let site = Site::new().hostile();
    site.write("guest.wasm", MISBEHAVING_FILTER);
    site.write("policy.toml", b"[components.guest]\nmay-change = [\"names\", \"shapes\"]\n");
    let before = site.files();
    for deed in [r#"{"set-named": "__metadata__"}"#, r#"{"big-meta": 150}"#] {
        let args = format!(r#"{{"deed": {deed}}}"#);
        let filter = ["filter", "guest.wasm", "--args", &args, "--policy", "policy.toml"];
        let files = ["--in", "update.safetensors", "--out", "out.safetensors"];
        let output = site.output(&[&filter[..], &files].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code().is_some_and(|code| code != 0), "{deed}: {said}");
        assert!(said.contains("cannot be written"), "{deed}: {said}");
        assert_eq!(site.files(), before, "{deed}");
    }
}
