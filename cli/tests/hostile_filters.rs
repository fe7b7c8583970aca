//! Filters that look and write beyond the end, write what is no number, say that they did nothing, keep more than they
//! may, or fail half-way, through the program: what goes out is what must, to the very bit, or nothing.

use std::fs;
use std::process::Output;

use crate::hostile_chains::{Filter, chained, report};
use crate::support::{PROGRAM, Site, shown};
use flip_wasm_tests::hostile::roles::ones;
use flip_wasm_tests::hostile::{archives, kinds, logs, memory, streams};
use flip_wasm_tests::{MISBEHAVING_FILTER, MISBEHAVING_PHASES, RESHAPING, assert_same, twins, update};
use serde_json::{Map, Value, json};

/// A site with an update and the filter that does what it is told.
fn site(dxo: flip_runtime::Dxo) -> Site {
    let site = Site::new().hostile();
    site.write("guest.wasm", MISBEHAVING_FILTER);
    site.write_dxo("update.safetensors", dxo);
    site
}

/// It does this to the file.
fn filter(site: &Site, deed: &str, input: &str, output: &str) -> Output {
    let args = format!(r#"{{"deed": {deed}}}"#);
    let filter = ["filter", "guest.wasm", "--args", &args, "--in", input, "--out", output];
    site.output(&[&filter[..], &["--report", "report.json"]].concat())
}

/// Why it left the data as it was, as the report says.
fn reason(site: &Site) -> String {
    let report: Value = serde_json::from_slice(&fs::read(site.path("report.json")).unwrap()).unwrap();
    report["results"][0]["filters"][0]["leaves"][0]["reason"].as_str().unwrap_or_default().to_owned()
}

/// The same of tensors in memory, as a case has them.
#[track_caller]
fn assert_unchanged_in_memory(site: &Site, deed: &str, tensors: &Value, told: &str) {
    let call = json!({"filter": {"tensors": tensors}, "gives": {"unchanged": told}});
    let case = json!({"name": "in memory", "args": {"deed": deed}, "calls": [call]});
    site.write("cases.json", json!({"cases": [case]}).to_string().as_bytes());
    let output = site.output(&["test", "guest.wasm", "cases.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

#[test]
fn reads_beyond_the_end_and_of_nothing_come_back_empty() {
    let (site, told) = (site(update()), "[0, 0, 0, 16]");
    let output = filter(&site, r#""read-far""#, "update.safetensors", "out.safetensors");
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(reason(&site), told);
    let values = json!({"a": {"shape": [2, 2], "values": [0.5, -1, 2, -4]}});
    assert_unchanged_in_memory(&site, "read-far", &values, told);
    let zeroes = json!({"a": {"shape": [4], "fill": 0}});
    assert_unchanged_in_memory(&site, "read-far", &zeroes, told);
}

#[test]
fn writes_past_the_end_are_told_and_write_nothing() {
    let site = site(update());
    let output = filter(&site, r#""write-past-the-end""#, "update.safetensors", "out.safetensors");
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(reason(&site).matches("InvalidArgument").count(), 3, "{}", reason(&site));
    let (given, out) = (site.read_dxo("update.safetensors"), site.read_dxo("out.safetensors"));
    assert_same(&out, &given);
}

#[test]
fn names_of_functions_that_trap_forge_no_line() {
    let site = Site::new().hostile();
    site.write("guest.wasm", &logs::forging_functions());
    site.write_dxo("update.safetensors", update());
    let filter = ["-v", "filter", "guest.wasm", "--in", "update.safetensors", "--out", "out.safetensors"];
    let output = site.output(&filter);
    assert_eq!(output.status.code(), Some(5), "{}", shown(&output));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("forged"), "the names are not in the log, and nothing is tried: {log}");
    for line in log.lines() {
        assert!(!line.trim_start().starts_with("ERROR forged"), "{line}");
        assert!(line.len() < 1_000 && !line.contains(['\r', '\u{1b}', '\u{202e}']), "{line:?}");
    }
}

/// The figures in the report of a filter's run, by their names.
fn figures(site: &Site, args: &[&str]) -> Map<String, Value> {
    let files = ["--in", "update.safetensors", "--out", "out.safetensors", "--report", "report.json"];
    let output = site.output(&[&["filter", "guest.wasm"], args, &files].concat());
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let report: Value = serde_json::from_slice(&fs::read(site.path("report.json")).unwrap()).unwrap();
    report["results"][0]["filters"][0]["leaves"][0]["gauges"].as_object().unwrap().clone()
}

#[test]
fn figures_beyond_the_limit_are_dropped() {
    let site = site(update());
    let figures = figures(&site, &["--args", r#"{"deed": {"gauges": 100}}"#, "--limits", "gauges=5"]);
    assert!(figures.keys().eq(["figure-0", "figure-1", "figure-2", "figure-3", "figure-4"]), "{figures:?}");
}

/// JSON knows no figure that is none.
#[test]
fn figures_that_are_none_are_null_in_a_report() {
    let site = site(update());
    site.write("guest.wasm", &logs::figures());
    let (cut, none) = (format!("{}… (cut)", "a".repeat(91)), Value::Null);
    assert!(figures(&site, &[]).iter().eq([(&cut, &none), (&String::new(), &none)]));
}

#[test]
fn nan_that_a_filter_writes_goes_out_as_it_was_written() {
    let site = site(update());
    let output = filter(&site, r#""write-nan""#, "update.safetensors", "out.safetensors");
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    // The data of both tensors is the end of the file.
    let written = fs::read(site.path("out.safetensors")).unwrap();
    assert!(written.ends_with(&f32::NAN.to_le_bytes().repeat(6)), "other bits went out");
    let tensors = site.read_dxo("out.safetensors");
    assert_eq!(tensors.tensors().unwrap().values().map(|tensor| tensor.byte_len()).sum::<u64>(), 24);
}

#[test]
fn what_is_no_number_in_an_update_goes_through_as_it_is() {
    let site = site(update());
    site.write("update.safetensors", &archives::of_no_numbers());
    let output = filter(&site, r#"{"unchanged": "nothing to do"}"#, "update.safetensors", "out.safetensors");
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let (before, after) = (archives::of_no_numbers(), fs::read(site.path("out.safetensors")).unwrap());
    assert!(after.ends_with(&before[before.len() - 16..]), "other bits went out");
}

#[test]
fn what_a_filter_says_that_it_left_as_it_was_is_as_it_was() {
    let site = site(twins());
    let before = site.files();
    for deed in [r#""zero-and-deny""#, r#""swap-and-deny""#, r#""tag-and-deny""#] {
        let output = filter(&site, deed, "update.safetensors", "out.safetensors");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{deed}: {said}");
        assert!(said.contains("it says that it changed nothing, and has changed the data"), "{deed}: {said}");
        let mut left = site.files();
        left.retain(|name| name != "report.json");
        assert_eq!(left, before, "{deed}");
        assert_same(&site.read_dxo("update.safetensors"), &twins());
    }
    // What an earlier filter has written is nothing that this one has changed.
    let output = filter(&site, r#""zero-half""#, "update.safetensors", "half.safetensors");
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let output = filter(&site, r#"{"unchanged": "off"}"#, "half.safetensors", "out.safetensors");
    assert_eq!((output.status.code(), &*reason(&site)), (Some(0), "off"), "{}", shown(&output));
}

/// In each round of a job: what was held back of the first is not let out of the second.
#[test]
fn a_trap_holds_the_result_back_and_ends_the_instance() {
    for deed in ["panic", "zero-then-panic", "recurse"] {
        let filter = Filter { name: "traps", wasm: MISBEHAVING_FILTER, args: json!({"deed": deed}) };
        let (job, ran) = chained(&[filter], "");
        // What is held back comes before the component that failed.
        ran.assert_code(3);
        assert!(job.files("workspace/outbox").is_empty(), "{deed}: something left");
        let report = report(&job);
        let results = report["results"].as_array().unwrap();
        assert_eq!(results.len(), 4, "{deed}");
        for (number, result) in results.iter().enumerate() {
            assert_eq!(result["return-code"], "TASK_RESULT_FILTER_ERROR", "{deed}: {result}");
            assert_eq!(result["files"], json!([]), "{deed}: {result}");
            let refused = result["refused"].to_string();
            let why = if number < 2 { "trapped: " } else { "make a new instance" };
            assert!(refused.contains(why), "{deed}, result {number}: {refused}");
        }
    }
}

/// Enough for two parts: on one core alone it is not shared, and filtered in one call.
#[test]
fn a_filter_in_phases_hoards_no_more_than_any() {
    let shared = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    let site = Site::new().hostile();
    site.write("guest.wasm", MISBEHAVING_PHASES);
    site.write("policy.toml", format!("[components.guest]\n{RESHAPING}\n").as_bytes());
    site.write_dxo("update.safetensors", ones(3 << 19));
    let before = site.files();
    for deed in ["hoard-meta", "hoard-tensors"] {
        let args = format!(r#"{{"deed": "{deed}"}}"#);
        let filter = ["filter", "guest.wasm", "--args", &args, "--policy", "policy.toml"];
        let files = ["--in", "update.safetensors", "--out", "out.safetensors", "--limits", "host-bytes=8MiB"];
        let output = site.output(&[&filter[..], &files].concat());
        if !shared {
            assert_eq!(output.status.code(), Some(0), "{deed}: {}", shown(&output));
            fs::remove_file(site.path("out.safetensors")).unwrap();
            continue;
        }
        assert_ne!(output.status.code(), Some(0), "{deed}: {}", shown(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("limit host-bytes reached"), "{deed}: {said}");
        assert_eq!(site.files(), before, "{deed}");
    }
}

#[test]
fn members_of_a_collection_share_what_is_kept_for_a_filter() {
    let site = Site::new().hostile();
    site.write("guest.wasm", MISBEHAVING_FILTER);
    let member = json!({"tensors": {"a": {"values": [1]}}});
    let members: Map<_, _> = (0..3).map(|number| (format!("member-{number}"), member.clone())).collect();
    let told =
        "limit host-bytes reached: 1.0 MiB allowed; a policy's line limits = { host-bytes = ... } sets it";
    let gives = json!({"error": {"quota-exceeded": told}});
    let call = json!({"filter": {"members": members}, "gives": gives});
    let args = json!({"deed": {"tiny-meta": 1000}});
    let case = json!({"name": "all", "args": args, "limits": {"host-bytes": "1MiB"}, "calls": [call]});
    site.write("cases.json", json!({"cases": [case]}).to_string().as_bytes());
    let output = site.output(&["test", "guest.wasm", "cases.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

/// In a case, whose tensors are kept in memory: what a filter keeps for a file, or for a job, lies on the disk.
#[test]
fn memory_and_tensors_each_within_the_limit_end_at_their_sum() {
    let site = Site::new().hostile();
    site.write("summing.wasm", &memory::summing());
    let cases = |limit: &str, gives: Value| {
        let call = json!({"filter": {"tensors": {"a": {"values": [1]}}}, "gives": gives});
        let case = json!({"name": "sum", "limits": {"memory": limit}, "calls": [call]});
        site.write("cases.json", json!({"cases": [case]}).to_string().as_bytes());
        let output = site.output(&["test", "summing.wasm", "cases.json"]);
        assert_eq!(output.status.code(), Some(0), "{limit}: {}", shown(&output));
    };
    cases("4MiB", json!({"limit": "memory"}));
    // It traps where it is given more, and where it is given less.
    for limit in ["6MiB", "3MiB"] {
        cases(limit, json!({"trap": "wasm `unreachable` instruction executed"}));
    }
}

/// By itself, and as each of many members of a collection.
#[test]
fn kinds_that_are_named_a_million_times_count_once() {
    let site = Site::new().hostile();
    site.write("kinds.wasm", &kinds::a_million_kinds());
    let update = json!({"tensors": {"a": {"values": [1, 2]}}});
    let names = || (0..300).map(|number| format!("member-{number}"));
    let members: Map<_, _> = names().map(|name| (name, update.clone())).collect();
    let each: Map<_, _> =
        names().map(|name| (name, format!("passed by: {}", kinds::PASSED_BY).into())).collect();
    let many = json!({"members": {"each": each, "dxo": {"members": members.clone()}}});
    let calls = [
        json!({"filter": update, "gives": {"passed-by": kinds::PASSED_BY}}),
        json!({"filter": {"members": members}, "gives": many}),
    ];
    site.write("cases.json", json!({"cases": [{"name": "kinds", "calls": calls}]}).to_string().as_bytes());
    let output = site.output(&["test", "kinds.wasm", "cases.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

#[test]
fn what_the_program_is_given_to_read_is_not_the_components() {
    let site = site(update());
    site.write("guest.wasm", &wat::parse_str(streams::reads_input()).unwrap());
    let given = std::fs::File::open(site.path("update.safetensors")).unwrap();
    let mut program = site.prepared(PROGRAM, &[]);
    program.args(["filter", "guest.wasm", "--in", "update.safetensors", "--out", "out.safetensors"]);
    // It traps where it reads anything.
    let output = program.stdin(given).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}
