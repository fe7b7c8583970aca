//! What a component of a role is called with.

use flip_runtime::DataKind;
use serde_json::json;

use super::{Subject, data};
use crate::test::case::{Asked, Case, ContextSpec, Model, Persist, Step, Task};
use crate::test::content::Content;
use crate::test::data::{DxoSpec, ShareableSpec};
use crate::test::runner::bare;

/// Tasks that executors of FLARE and FLIP carry out, and one that nobody knows.
const TASKS: [&str; 7] =
    ["train", "validate", "submit_model", "init_training", "post_validation", "post_task", "nobody-s"];

/// Events of a job, and one that nobody knows.
const EVENTS: [&str; 8] = [
    "_start_run",
    "_before_task_execution",
    "_after_task_execution",
    "_before_process_result_of_unknown_task",
    "_results_upload_completed",
    "_aborted",
    "_end_run",
    "nobody-s",
];

/// The kinds of tensors that a filter asks for.
pub fn kinds(subject: &Subject<'_>) -> anyhow::Result<Vec<&'static str>> {
    let instance = bare(subject.component, &subject.args, subject.given)?;
    let asked = instance.data_kinds();
    let kinds = [DataKind::WeightDiff, DataKind::Weights];
    let kinds = kinds.into_iter().filter(|kind| asked.is_empty() || asked.contains(kind));
    Ok(kinds.map(DataKind::name).collect())
}

/// A filter is given this.
pub fn filtering(dxo: DxoSpec) -> Step {
    Step { filter: Some(dxo), ..Step::default() }
}

/// The calls of every role that the component has; of one role after the other.
pub fn calls(subject: &Subject<'_>, seed: u64) -> anyhow::Result<Vec<Step>> {
    let mut calls = Vec::new();
    if subject.has("dxo-filter") {
        calls.extend(kinds(subject)?.into_iter().map(|kind| filtering(data::plain(kind, seed))));
    }
    if subject.has("executor") {
        let data = ShareableSpec { dxo: Some(data::plain("WEIGHTS", seed)), ..ShareableSpec::default() };
        calls.extend(TASKS.map(|task| {
            let task = Task { task: task.to_owned(), data: data.clone() };
            Step { execute: Some(task), ..Step::default() }
        }));
    }
    if subject.has("event-handler") {
        calls.extend(EVENTS.map(|event| Step { event: Some(event.to_owned()), ..Step::default() }));
    }
    if subject.has("results-generator") {
        let events = EVENTS.map(|event| Step { evaluation_event: Some(event.to_owned()), ..Step::default() });
        calls.extend(events);
        calls.push(Step { all_tasks_failed: Some(Asked {}), ..Step::default() });
    }
    if subject.has("model-locator") {
        calls.push(Step { model_names: Some(Asked {}), ..Step::default() });
        for model in
            [Model::Named("nobody-s".to_owned()), Model::Named("../x".to_owned()), Model::All(Asked {})]
        {
            calls.push(Step { locate_model: Some(model), ..Step::default() });
        }
    }
    if subject.has("results-persistor") {
        let persist = [Persist::Upload, Persist::Cleanup, Persist::Execute];
        calls.extend(persist.map(|persist| Step { persist: Some(persist), ..Step::default() }));
    }
    Ok(calls)
}

/// A case of these calls, with files, a peer identity and the properties that a job has.
pub fn case(subject: &Subject<'_>, calls: Vec<Step>) -> Case {
    let file = |path: &str| (path.to_owned(), Content::Text("text".to_owned()));
    Case {
        name: "conformance".to_owned(),
        args: subject.args.clone(),
        context: ContextSpec {
            peer_identity: Some("site-2".to_owned()),
            props: [("current_round", json!(1)), ("num_rounds", json!(3))]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            ..ContextSpec::default()
        },
        workspace: ["job/a", "job/b/c", "images/net-1/scan", "workspace/job-1/x", "workspace/job-2/x"]
            .map(file)
            .into(),
        calls,
        ..Case::default()
    }
}
