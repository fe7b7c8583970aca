//! Filters that fail, runs that are aborted, and configurations that end a run.

use flip_runtime::job::JobReport;
use flip_runtime::{AbortSignal, Code};
use flip_wasm_tests::MISBEHAVING_FILTER;
use flip_wasm_tests::job::{
    CLIENT, JOB_FOLDER, RESULTS, SERVER, Servers, StandardJob, TRACE, UPDATES, statuses,
};
use flip_wasm_tests::servers::logged;

const FILTER: &str = "flip.nvflare.components.PercentilePrivacy";

/// A job whose filter is the guest that does `deed`.
fn misbehaving(deed: &str) -> StandardJob {
    let job = StandardJob::new();
    job.write("job/guest.wasm", MISBEHAVING_FILTER);
    job.edit(CLIENT, FILTER, "wasm:guest.wasm");
    job.edit(CLIENT, r#""gamma": 2.0"#, &format!(r#""deed": {deed}"#));
    job.edit(CLIENT, "\"percentile\": 95,\n            \"off\": false", "\"unused\": 0");
    job
}

/// No update left, each for one of these reasons, and the run went on.
fn assert_held_back(job: &StandardJob, report: &JobReport, reasons: &[(&str, Code)]) {
    assert_eq!(report.code(), Some(Code::Refused));
    assert_eq!(report.results.len(), UPDATES.len());
    for result in &report.results {
        assert_eq!(result.return_code, "TASK_RESULT_FILTER_ERROR");
        assert!(result.files.is_empty() && result.filters.is_empty());
        let refused = result.refused.as_ref().unwrap();
        assert_eq!(refused.what, "percentile_privacy");
        let known =
            reasons.iter().any(|(reason, code)| refused.error.contains(reason) && refused.code == *code);
        assert!(known, "{refused:?}");
    }
    // The filter's card tells of each, and the verdict blames it once.
    let shown = report.report(&Default::default());
    let filters = shown.components().filter(|(_, component)| component.id == "percentile_privacy");
    assert_eq!(filters.map(|(_, filter)| filter.failures.len()).sum::<usize>(), UPDATES.len());
    let verdict = shown.verdict();
    assert_eq!(verdict.status, "Data was held back");
    let blamed = verdict.sentences.iter().map(|(_, sentence)| sentence.to_string());
    assert!(blamed.clone().any(|sentence| sentence.contains(" by percentile_privacy: ")), "{verdict:?}");
    assert!(!blamed.clone().any(|sentence| sentence.contains("PercentilePrivacy: refused")), "{verdict:?}");
    assert!(job.files("workspace/outbox").is_empty());
    assert_eq!(statuses(report).last(), Some(&"RESULTS_UPLOADED"));
    assert_eq!(job.text(RESULTS), job.text("expected/cross_val_results.json"));
}

#[test]
fn an_update_that_the_filter_refuses_does_not_leave() {
    for (from, to, reason) in [
        ("\"percentile\": 95", "\"percentile\": 101", "percentile"),
        ("\"gamma\": 2.0", "\"gamma\": 0", "gamma"),
    ] {
        let job = StandardJob::new();
        job.edit(CLIENT, from, to);
        let report = job.run_alone(|_| ()).unwrap();
        assert_held_back(&job, &report, &[(reason, Code::Refused)]);
    }
}

#[test]
fn the_operator_alone_can_let_it_leave_and_the_log_shouts() {
    let job = StandardJob::new();
    job.edit(CLIENT, "\"percentile\": 95", "\"percentile\": 101");
    logged();
    let policy = "[components.percentile_privacy]\non-filter-failure = \"let-pass\"".parse().unwrap();
    let report = job.run_alone(|options| options.policy = policy).unwrap();
    for (result, update) in report.results.iter().zip(UPDATES) {
        assert_eq!((result.return_code, result.files.len()), ("OK", 1));
        assert!(result.refused.is_none(), "it did leave");
        // As it was: no history, and the bytes that came.
        let open = |path: &std::path::Path| {
            flip_runtime::safetensors::open(path, flip_runtime::safetensors::Overrides::default())
                .unwrap()
                .dxo
        };
        let left = open(&result.files[0]);
        flip_wasm_tests::assert_same(&left, &open(&job.path(&format!("tensors/{update}.safetensors"))));
        assert!(!left.meta.contains_key("filter_history"));
    }
    assert_eq!(logged().matches("THE DATA LEAVES UNFILTERED").count(), UPDATES.len());
    assert!(!logged().contains("does not leave"), "{}", logged());
    let filter = report.places[1].components.iter().find(|component| component.id == "percentile_privacy");
    assert_eq!(filter.unwrap().failures.len(), 2, "one for each round");
    assert_eq!(report.code(), Some(Code::Refused));
}

#[test]
fn a_filter_that_traps_or_is_stopped_lets_nothing_out() {
    let later = ("failed in an earlier call", Code::ComponentFailed);
    for (deed, first) in [
        (r#""panic""#, ("trapped", Code::ComponentFailed)),
        (r#""zero-then-panic""#, ("trapped", Code::ComponentFailed)),
        (r#""recurse""#, ("trapped", Code::ComponentFailed)),
        (r#""grow""#, ("limit memory reached", Code::ComponentFailed)),
        (r#""loop""#, ("limit call-time reached", Code::ComponentFailed)),
        (r#""loop-over-windows""#, ("limit call-time reached", Code::ComponentFailed)),
        (r#"{"refuse": "no\n\u001b[31m"}"#, ("no\\n\\u{1b}[31m", Code::Refused)),
        (r#"{"fail": "broken"}"#, ("invalid data: broken", Code::InvalidInput)),
    ] {
        let job = misbehaving(deed);
        // A machine that is busy may take longer for the others.
        let time = if first.0.contains("call-time") { "300ms" } else { "5m" };
        let limits = format!(r#"limits = {{ memory = "32MiB", call-time = "{time}" }}"#);
        let policy = format!("[components.percentile_privacy]\n{limits}").parse().unwrap();
        let report = job.run_alone(|options| options.policy = policy).unwrap();
        assert_held_back(&job, &report, &[first, later]);
    }
}

#[test]
fn a_filter_that_traps_after_writing_leaves_the_update_as_it_was_where_it_may_leave() {
    let job = misbehaving(r#""zero-then-panic""#);
    let policy = "[components.guest]\non-filter-failure = \"let-pass\"".parse().unwrap();
    let report = job.run_alone(|options| options.policy = policy).unwrap();
    for (result, update) in report.results.iter().zip(UPDATES) {
        let open = |path: &std::path::Path| {
            flip_runtime::safetensors::open(path, flip_runtime::safetensors::Overrides::default())
                .unwrap()
                .dxo
        };
        let came = open(&job.path(&format!("tensors/{update}.safetensors")));
        flip_wasm_tests::assert_same(&open(&result.files[0]), &came);
    }
}

#[test]
fn a_filter_behind_one_that_fails_is_not_asked() {
    let job = misbehaving(r#"{"refuse": "no"}"#);
    job.edit(
        CLIENT,
        "\"unused\": 0\n          }\n        }",
        &format!("\"unused\": 0}} }}, {{\"path\": \"{FILTER}\"}}"),
    );
    let report = job.run_alone(|_| ()).unwrap();
    assert_held_back(&job, &report, &[("no", Code::Refused)]);
    let behind = report.places[1].components.iter().find(|component| component.name == "PercentilePrivacy");
    assert_eq!(behind.unwrap().usage.host_calls.total(), 0);
}

#[test]
fn data_that_a_filter_fails_on_does_not_come_in_unless_the_operator_lets_it() {
    for (policy, executed) in [("", 0), ("[components.guard]\non-filter-failure = \"let-pass\"", 2)] {
        let job = StandardJob::new();
        job.write("job/guest.wasm", MISBEHAVING_FILTER);
        let guard = r#"{"tasks": ["init_training"], "filters": [{"id": "guard", "path": "wasm:guest.wasm", "args": {"deed": "panic"}}]}"#;
        job.edit(CLIENT, r#""task_data_filters": []"#, &format!(r#""task_data_filters": [{guard}]"#));
        let data =
            r#", "data": {"dxo": {"kind": "WEIGHTS", "tensors": "tensors/site-1_round-0.safetensors"}}}"#;
        job.edit(TRACE, r#""task": "init_training"}"#, &format!(r#""task": "init_training"{data}"#));
        let report = job.run_alone(|options| options.policy = policy.parse().unwrap()).unwrap();
        let ran = report.tasks.iter().filter(|task| task.task == "init_training" && task.return_code == "OK");
        assert_eq!(ran.count(), executed, "{:?}", report.tasks);
        assert!(report.code().is_some());
    }
}

#[test]
fn a_run_that_is_aborted_is_wound_up_and_told_as_stopped() {
    let (job, servers) = (StandardJob::new(), Servers::new());
    let abort = AbortSignal::default();
    let signal = abort.clone();
    servers.hub.server.fail(move |seen| {
        if seen.path.ends_with("/PREPARED") {
            signal.trigger();
        }
        None
    });
    let mut options = servers.options(&job);
    options.abort = abort;
    let report = job.run(options);
    assert!(report.aborted);
    assert_eq!(statuses(&report), ["INITIATED", "PREPARED", "STOPPED"]);
    assert_eq!(servers.statuses().last().unwrap(), "STOPPED");
    assert!(report.results.is_empty() && job.files("workspace/outbox").is_empty());
    // What there is of results is brought to safety all the same.
    assert_eq!(servers.s3.files().iter().filter(|name| name.ends_with(".zip")).count(), 1);
}

#[test]
fn a_run_that_is_aborted_before_it_begins_reports_nothing_but_that() {
    let job = StandardJob::new();
    let report = job.run_alone(|options| options.abort.trigger()).unwrap();
    assert_eq!((statuses(&report), report.aborted), (vec!["STOPPED"], true));
    assert!(report.tasks.is_empty());
}

#[test]
fn an_id_that_leads_to_no_fit_component_ends_the_run_and_says_what_was_found() {
    let handler = r#""model_id": "{model_id}""#;
    let cases = [
        // The persistor finds out at the end of the run.
        (
            "\"persistor_id\": \"persistor\"",
            "\"persistor_id\": \"nobody\"",
            "nobody",
            "no component of the job has this id",
            4,
        ),
        (
            "\"persistor_id\": \"persistor\"",
            "\"persistor_id\": \"aggregator\"",
            "aggregator",
            "InTimeAccumulateWeightedAggregator",
            4,
        ),
        (
            "\"persistor_id\": \"persistor\"",
            "\"persistor_id\": \"json_generator\"",
            "json_generator",
            "ValidationJsonGenerator",
            4,
        ),
        // The handler at its first event.
        (
            handler,
            r#""model_id": "{model_id}", "validation_json_generator_id": "model_locator""#,
            "model_locator",
            "model-locator",
            1,
        ),
        (
            handler,
            r#""model_id": "{model_id}", "validation_json_generator_id": "persistor""#,
            "persistor",
            "PTFileModelPersistor",
            1,
        ),
        (
            handler,
            r#""model_id": "{model_id}", "persist_and_cleanup_id": "nobody""#,
            "nobody",
            "no component of the job has this id",
            1,
        ),
    ];
    for (from, to, id, found, reported) in cases {
        let job = StandardJob::new();
        let config = job.text(SERVER);
        job.write(SERVER, config.replacen(from, to, 1));
        let report = job.run_alone(|_| ()).unwrap();
        let (_, reason) = report.places[0].fatal.as_ref().unwrap();
        assert!(reason.contains(&format!("{id:?}")) && reason.contains(found), "{to}: {reason}");
        assert_eq!(statuses(&report).len(), reported, "{to}: {:?}", report.statuses);
        assert_eq!(statuses(&report).last(), Some(&"ERROR"), "{to}");
        assert!(report.code().is_some());
        // Results were not uploaded, and nothing of them was lost.
        assert!(job.files(JOB_FOLDER).contains_key("app_server/model/FL_global_model.pt"), "{to}");
    }
}
