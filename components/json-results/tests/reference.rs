//! Runs of the reference: that of a whole job, and those that `fixtures/record.py` makes.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod common;

use common::{TestDxo, described, metrics, received};
use json_results::{Evaluation, Event, Received, TaskResult, Validation, name};
use serde_json::Value as Json;

const TRACE: &str = include_str!("fixtures/standard-job/trace.jsonl");
const CROSS_VAL_RESULTS: &str = include_str!("fixtures/standard-job/cross_val_results.json");
const REFERENCE: &str = include_str!("fixtures/reference.json");

#[test]
fn a_whole_job_ends_in_the_recorded_file() {
    let mut validation = Validation::default();
    let mut written = None;
    for line in TRACE.lines() {
        let happened: Json = serde_json::from_str(line).unwrap();
        let props = &happened["props"];
        match Event::of_type(happened["event"].as_str().unwrap()).unwrap() {
            Event::StartRun => validation.clear(),
            Event::ResultReceived => {
                // Not the text that Python wrote, but the same values.
                let data = props["_validation_result_"]["shareable"]["dxo"]["data"].to_string();
                let owner = name(&props["_model_owner_"].to_string()).unwrap();
                let client = name(&props["_data_client_"].to_string()).unwrap();
                let problems = validation.receive(&received(&owner, &client, metrics(&data)));
                assert_eq!(problems.told(), []);
            }
            Event::EndRun => written = Some(validation.to_json()),
        }
    }
    assert_eq!(written.unwrap(), CROSS_VAL_RESULTS);
}

#[test]
fn runs_end_in_the_files_that_the_reference_writes() {
    let runs: Vec<Json> = serde_json::from_str(REFERENCE).unwrap();
    for run in &runs {
        let events = run["events"].as_array().unwrap().iter().map(event);
        let files = &run["files"];
        if run["generator"] == "ValidationJsonGenerator" {
            let mut validation = Validation::default();
            events.for_each(|event| drop(validation.receive(&event)));
            assert_eq!(validation.to_json(), files["cross_val_results.json"], "{}", run["name"]);
        } else {
            let mut evaluation = Evaluation::default();
            events.for_each(|event| drop(evaluation.receive(&event)));
            assert_eq!(evaluation.results_json(), files["evaluation_results.json"], "{}", run["name"]);
            assert_eq!(evaluation.failures_json(), files["evaluation_failures.json"], "{}", run["name"]);
            assert_eq!(evaluation.all_tasks_failed(), run["all_tasks_failed"], "{}", run["name"]);
        }
    }
    assert_eq!(runs.len(), 9);
}

fn event(event: &Json) -> Received<TestDxo> {
    let codes = ["OK", "EXECUTION_EXCEPTION", "TASK_ABORTED"];
    Received {
        model_owner: event["owner"].as_str().map(str::to_owned),
        data_client: event["client"].as_str().map(str::to_owned),
        result: event["code"].as_str().map(|code| TaskResult {
            return_code: codes.into_iter().find(|known| *known == code).unwrap(),
            dxo: Ok(event.get("dxo").map(described)),
        }),
    }
}
