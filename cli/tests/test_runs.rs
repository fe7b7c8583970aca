//! How `flip-wasm test` runs cases: from JSON, several at a time, again and again.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;

use serde_json::{Value, json};

use crate::support::{Site, interrupt, shown};

/// A case of the component [`HANDLER`], which accepts every event.
fn case(name: &str, passes: bool) -> Value {
    let gives = if passes { json!("ok") } else { json!({"trap": "as expected"}) };
    json!({"name": name, "calls": [{"event": "_start_run", "gives": gives}]})
}

const HANDLER: &str = "client-event-handler";

#[test]
fn a_case_file_of_json_is_read_and_stays_json_where_it_is_blessed() {
    let site = Site::new();
    let update = json!({"tensors": {"w": {"values": [0.25, ".nan", 1, ".inf"]}}});
    let case = json!({"name": "odd", "args": {"percentile": 50, "gamma": 1}, "calls": [{"filter": update}]});
    site.write("cases.json", json!({ "cases": [case] }).to_string().as_bytes());
    let run = |more: &[&str]| site.output(&[&["test", "percentile-privacy", "cases.json"], more].concat());
    assert_eq!(run(&[]).status.code(), Some(1));
    let blessed = run(&["--bless"]);
    assert_eq!(blessed.status.code(), Some(0), "{}", shown(&blessed));
    let after = run(&[]);
    assert_eq!(after.status.code(), Some(0), "{}", shown(&after));
    let file: Value = serde_json::from_slice(&fs::read(site.path("cases.json")).unwrap()).unwrap();
    let filter = &file["cases"][0]["calls"][0]["filter"];
    assert_eq!(filter["tensors"]["w"]["values"], json!([0.25, ".nan", 1, ".inf"]));
}

#[test]
fn cases_are_told_in_order_however_many_run_at_a_time() {
    let site = Site::new();
    let cases: Vec<_> = (0..12).map(|number| case(&format!("case {number:02}"), number % 2 == 0)).collect();
    site.write("cases.yaml", json!({ "cases": cases }).to_string().as_bytes());
    let run = |jobs: &str| site.run(&["test", HANDLER, "cases.yaml", "--jobs", jobs]);
    let alone = run("1");
    assert!(alone.starts_with("exit code 1\n"), "{alone}");
    assert!(alone.contains("12 cases, 6 passed, 6 failed\n"), "{alone}");
    let told: Vec<_> = alone.lines().filter_map(|line| line.split_once(" case ")).collect();
    assert_eq!(told.len(), 12, "{alone}");
    assert!(told.is_sorted_by_key(|(_, number)| *number), "{alone}");
    // None is taken for one.
    for jobs in ["0", "3", "100"] {
        assert_eq!(run(jobs), alone);
    }
    assert!(run("many").starts_with("exit code 2\n"));
}

/// Puts another file in the place of the cases, in one step.
fn replace(site: &Site, cases: &str) {
    site.write("next", cases.as_bytes());
    fs::rename(site.path("next"), site.path("cases.yaml")).unwrap();
}

/// What it prints until it waits.
fn until_it_waits(out: &mut impl BufRead) -> String {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended: {text}");
        if line.starts_with("waiting for a change") {
            return text;
        }
        text += &line;
    }
}

#[test]
fn cases_run_again_when_their_file_changes_until_it_is_interrupted() {
    let site = Site::new();
    let cases = |passes| json!({ "cases": [case("watched", passes)] }).to_string();
    replace(&site, &cases(true));
    let mut child = site.start(&["test", HANDLER, "cases.yaml", "--watch"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(until_it_waits(&mut out), "ok      watched\n1 cases, 1 passed, 0 failed\n");
    // Somebody is writing it: that is told, and no end.
    replace(&site, "cases: [");
    assert_eq!(until_it_waits(&mut out), "");
    replace(&site, &cases(false));
    let told = until_it_waits(&mut out);
    assert!(told.starts_with("FAILED  watched\n"), "{told}");
    assert!(told.ends_with("1 cases, 0 passed, 1 failed\n"), "{told}");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert!(error.starts_with("error: cases.yaml: "), "{error}");
}
