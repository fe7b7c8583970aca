//! The command line as a person meets it.

use std::fs;

use crate::support::{ARGS, Site, fixtures};

const STEPS: [&str; 2] = ["--meta", r#"{"NUM_STEPS_CURRENT_ROUND": 4}"#];

#[test]
fn the_help_shows_verbs_flags_exit_codes_and_an_example() {
    snapshot!(Site::new().run(&["--help"]));
}

#[test]
fn every_verb_has_an_example() {
    for verb in ["filter", "inspect", "new", "build", "components", "completions"] {
        let help = Site::new().run(&[verb, "--help"]);
        assert!(help.contains(&format!("Example:\n  flip-wasm {verb}")), "{help}");
    }
}

#[test]
fn an_update_is_filtered_and_the_result_is_the_references() {
    let site = Site::new();
    snapshot!(site.filter("percentile-privacy", &["--args", ARGS, STEPS[0], STEPS[1]]));
    assert_eq!(site.files(), ["out.safetensors", "update.safetensors"]);
    let expected =
        fs::read(fixtures().join("standard-job/expected/filtered/site-1_round-0.safetensors")).unwrap();
    let data = |file: Vec<u8>| {
        let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        file[8 + header..].to_vec()
    };
    assert_eq!(data(fs::read(site.path("out.safetensors")).unwrap()), data(expected));
}

#[test]
fn global_flags_stand_before_or_after_the_verb() {
    let site = Site::new();
    let filter = ["filter", "percentile-privacy", "--in", "update.safetensors", "--out", "out.safetensors"];
    let before = site.output(&[&["-q"], &filter[..]].concat());
    let after = site.output(&[&filter[..], &["-q"]].concat());
    for output in [before, after] {
        assert!(output.status.success());
        assert_eq!((output.stdout, output.stderr), (vec![], vec![]));
    }
}

#[test]
fn a_pipe_sees_no_progress_bar_and_no_colour() {
    let output = Site::new().filter("percentile-privacy", &["-v"]);
    assert!(!output.contains(['\r', '\u{1b}']), "{output}");
}

#[test]
fn json_log_lines_are_json_errors_too() {
    let site = Site::new();
    let args = ["--log-format", "json", "filter", "percentile-privacy", "--args", r#"{"gamma": 0}"#];
    let output =
        site.output(&[&args[..], &["--in", "update.safetensors", "--out", "out.safetensors"]].concat());
    assert_eq!(output.status.code(), Some(3));
    let lines = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["fields"]["exit_code"], 3);
}

#[test]
fn the_report_tells_what_ran_what_became_of_the_data_and_what_was_used() {
    let site = Site::new();
    site.filter("percentile-privacy", &["--args", ARGS, STEPS[0], STEPS[1], "--report", "report.json"]);
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(site.path("report.json")).unwrap()).unwrap();
    let component = &report["places"][0]["components"][0];
    assert_eq!(component["name"], "PercentilePrivacy");
    assert_eq!(component["built-in"], true);
    assert_eq!(component["sha256"].as_str().unwrap().len(), 64);
    assert!(component["usage"]["host-calls"]["tensors"].as_u64().unwrap() > 0);
    assert!(component["usage"]["peak-memory"].as_u64().unwrap() < 16 << 20);
    let result = &report["results"][0];
    assert_eq!((&result["data"]["elements"], &result["data"]["tensors"]), (&32.into(), &9.into()));
    assert_eq!(result["files"][0]["size"], fs::metadata(site.path("out.safetensors")).unwrap().len());
    let leaf = &result["filters"][0]["leaves"][0];
    assert_eq!(leaf["outcome"], "filtered");
    assert_eq!(leaf["gauges"]["zero-share"], 0.9375);
}

#[test]
fn the_report_has_the_use_of_every_limit() {
    let site = Site::new();
    site.write("guest.wasm", flip_wasm_tests::MISBEHAVING_FILTER);
    let args = ["filter", "guest.wasm", "--args", r#"{"deed": "touch-first"}"#, "--cache", "cache"];
    let files = ["--in", "update.safetensors", "--out", "out.safetensors", "--report", "report.json"];
    for was_compiled_before in [false, true] {
        site.run(&[&args[..], &files].concat());
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(site.path("report.json")).unwrap()).unwrap();
        let limits = report["places"][0]["components"][0]["limits"].as_array().unwrap();
        let used = |name: &str| {
            let limit = limits.iter().find(|limit| limit["name"] == name).unwrap();
            limit["used"].as_f64().unwrap_or_else(|| panic!("{limit}"))
        };
        assert!(limits.iter().all(|limit| used(limit["name"].as_str().unwrap()) >= 0.0));
        for (name, at_least) in [("compile-time", 1e-3), ("compile-memory", 10e6)] {
            assert_eq!(used(name) > at_least, !was_compiled_before, "{name}: {}", used(name));
            assert_eq!(used(name) == 0.0, was_compiled_before, "{name}: {}", used(name));
        }
        assert!((1.0..128.0).contains(&used("instances")), "{}", used("instances"));
        fs::remove_file(site.path("out.safetensors")).unwrap();
    }
}

#[test]
fn a_report_of_a_refusal_is_written_too_and_says_why() {
    let site = Site::new();
    site.write("guest.wasm", flip_wasm_tests::MISBEHAVING_FILTER);
    let args = ["filter", "guest.wasm", "--args", r#"{"deed": {"refuse": "too late"}}"#];
    let files = ["--in", "update.safetensors", "--out", "out.safetensors", "--report", "report.json"];
    assert_eq!(site.output(&[&args[..], &files].concat()).status.code(), Some(3));
    assert!(!site.path("out.safetensors").exists());
    let shown = site.run(&["report", "report.json"]);
    assert!(shown.contains("too late"), "{shown}");
    assert!(shown.contains("Data was held back"), "{shown}");
}

#[test]
fn a_filter_that_never_was_left_no_report() {
    let site = Site::new();
    site.write("broken.wasm", b"\0asm");
    site.write("policy.toml", b"nonsense = 1");
    let files = ["--in", "update.safetensors", "--out", "out.safetensors", "--report", "report.json"];
    for (args, why) in [
        (&["broken.wasm"][..], "broken.wasm"),
        (&["percentile-privacy", "--args", r#"{"percentile": "x"}"#], "percentile"),
        (&["percentile-privacy", "--policy", "policy.toml"], "nonsense"),
    ] {
        assert!(!site.output(&[&["filter"], args, &files].concat()).status.success());
        let shown = site.run(&["report", "report.json"]);
        assert!(shown.contains("Data was held back") && shown.contains(why), "{shown}");
        fs::remove_file(site.path("report.json")).unwrap();
    }
}

#[test]
fn a_report_is_a_page_where_its_name_says_so_at_once_or_later() {
    let site = Site::new();
    let args = ["--args", ARGS, STEPS[0], STEPS[1]];
    site.filter("percentile-privacy", &[&args[..], &["--report", "report.html"]].concat());
    site.filter("percentile-privacy", &[&args[..], &["--report", "report.json"]].concat());
    site.run(&["report", "report.json", "-o", "later.html"]);
    for page in ["report.html", "later.html"] {
        let page = fs::read_to_string(site.path(page)).unwrap();
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("PercentilePrivacy"), "{page}");
    }
    snapshot!(site.run(&["report", "out.safetensors"]));
}

#[test]
fn a_page_is_made_of_an_audit_trail_too() {
    let site = Site::new();
    site.filter("percentile-privacy", &["--args", ARGS, STEPS[0], STEPS[1], "--audit", "audit.jsonl"]);
    site.run(&["report", "audit.jsonl", "-o", "audit.html"]);
    let page = fs::read_to_string(site.path("audit.html")).unwrap();
    assert!(page.contains("PercentilePrivacy"), "{page}");
    let trail = fs::read_to_string(site.path("audit.jsonl")).unwrap();
    fs::write(site.path("audit.jsonl"), trail.replace("WEIGHT_DIFF", "WEIGHTS")).unwrap();
    let shown = site.run(&["report", "audit.jsonl"]);
    assert!(shown.contains("line 4") && shown.contains("exit code 6"), "{shown}");
}

#[test]
fn inspect_shows_what_a_component_asks_for() {
    snapshot!(Site::new().run(&["inspect", "percentile-privacy"]));
}

#[test]
fn inspect_and_components_agree_as_json() {
    let site = Site::new();
    let json =
        |args: &[&str]| -> serde_json::Value { serde_json::from_slice(&site.output(args).stdout).unwrap() };
    let inspected = json(&["inspect", "percentile-privacy", "--json"]);
    let listed = json(&["components", "--json"]);
    assert_eq!(inspected["sha256"], listed[0]["sha256"]);
    assert_eq!(inspected["roles"], serde_json::json!(["dxo-filter"]));
    snapshot!(site.run(&["components"]));
}

#[test]
fn completions_are_written_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Site::new().output(&["completions", shell]);
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains("flip-wasm"));
    }
}
