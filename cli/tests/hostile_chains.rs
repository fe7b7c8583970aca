//! Filters in one chain, and one after the other, that look for what another has or had, through the program.

use std::collections::BTreeSet;

use crate::support::jobs::Ran;
use crate::support::{Site, shown};
use flip_wasm_tests::hostile::{handles, memory, state};
use flip_wasm_tests::job::{CLIENT, StandardJob};
use serde_json::{Value, json};

/// A filter of a chain: the stem of its file, the component, its args.
#[derive(Clone)]
pub struct Filter<'a> {
    pub name: &'a str,
    pub wasm: &'a [u8],
    pub args: Value,
}

impl<'a> Filter<'a> {
    fn of(name: &'a str, wasm: &'a [u8]) -> Self {
        Self { name, wasm, args: json!({}) }
    }
}

/// The recorded job, with these filters before its own, `filter-0` and so on, under this policy.
pub fn chained(filters: &[Filter<'_>], policy: &str) -> (StandardJob, Ran) {
    let job = StandardJob::new();
    let mut entries = String::new();
    for (number, Filter { name, wasm, args }) in filters.iter().enumerate() {
        job.write(&format!("job/{name}.wasm"), wasm);
        let entry =
            json!({"id": format!("filter-{number}"), "path": format!("wasm:{name}.wasm"), "args": args});
        entries += &format!("{entry}, ");
    }
    job.edit(CLIENT, "\"filters\": [", &format!("\"filters\": [ {entries}"));
    job.write("policy.toml", policy);
    let args = ["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace"];
    let more = ["--policy", "policy.toml", "--report", "report.json"];
    let output = Site::at(job.path("")).hostile().output(&[&args[..], &more].concat());
    (job, Ran::of(output))
}

pub fn report(job: &StandardJob) -> Value {
    serde_json::from_str(&job.text("report.json")).unwrap()
}

#[test]
fn a_handle_of_another_filter_in_the_chain_is_unknown() {
    let (keeping, guessing) = (handles::keeping(), handles::guessing());
    let (job, ran) = chained(&[Filter::of("keeping", &keeping), Filter::of("guessing", &guessing)], "");
    // What is held back comes before the component that failed.
    ran.assert_code(3);
    for site in ["site-1", "site-2"] {
        let failed = format!("  {site}, train (filter-1): guessing: trapped: unknown handle index 4\n");
        assert!(ran.summary.contains(&failed), "{}", ran.summary);
    }
    assert!(ran.summary.contains("refused   4 results\n"), "{}", ran.summary);
    // The other one did nothing wrong.
    assert!(!ran.summary.contains("(filter-0)"), "{}", ran.summary);
    assert!(job.files("workspace/outbox").is_empty(), "nothing may leave");
}

/// Five at each of two sites are ten, where there are places for eight.
#[test]
fn filters_that_take_every_place_are_named() {
    let greedy = memory::greedy();
    let (job, ran) = chained(&vec![Filter::of("greedy", &greedy); 5], "");
    ran.assert_code(7);
    assert!(ran.log.contains("greedy: no place is left for it"), "{}", ran.log);
    assert!(job.files("workspace/outbox").is_empty(), "nothing may leave");
    let (_, ran) = chained(&vec![Filter::of("greedy", &greedy); 3], "");
    ran.assert_code(0);
}

#[test]
fn filters_of_one_component_begin_with_zeroes() {
    let wasm = state::looking_for_what_was_left();
    let (job, ran) = chained(&vec![Filter::of("looking", &wasm); 40], "");
    ran.assert_code(0);
    assert_eq!(job.files("workspace/outbox").len(), 4);
    let places = report(&job)["places"].as_array().unwrap().clone();
    let ids = places.iter().flat_map(|place| place["components"].as_array().unwrap());
    let looked = ids.filter(|component| component["name"] == "looking");
    assert_eq!(looked.filter(|component| component["failures"] == json!([])).count(), 80, "{}", ran.summary);
}

/// Each run is a process of its own.
#[test]
fn random_numbers_never_come_again() {
    let site = Site::new().hostile();
    site.write("drawing.wasm", &state::drawing_numbers());
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        let args = ["filter", "drawing.wasm", "--in", "update.safetensors", "--out", "out.safetensors"];
        let output = site.output(&[&args[..], &["--report", "report.json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        let report = std::fs::read(site.path("report.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        let figures = report["results"][0]["filters"][0]["leaves"][0]["gauges"].as_object().unwrap();
        assert_eq!(figures.len(), 3);
        seen.extend(figures.values().map(Value::to_string));
    }
    assert_eq!(seen.len(), 30, "a number came again");
}
