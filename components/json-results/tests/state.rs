//! What is remembered can be taken out and put in again.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod common;

use common::{metrics, of_task, received};
use json_results::limits::{MAX_FAILURES, MAX_KEPT, MAX_STATE, MAX_VALUES};
use json_results::{Evaluation, StateError, Validation};

fn validated(state: &str) -> Result<Validation, StateError> {
    let mut validation = Validation::default();
    validation.restore(state).map(|()| validation)
}

fn evaluated(state: &str) -> Result<Evaluation, StateError> {
    let mut evaluation = Evaluation::default();
    evaluation.restore(state).map(|()| evaluation)
}

#[test]
fn a_validation_that_is_restored_writes_the_same_file() {
    let mut validation = Validation::default();
    for (owner, client, values) in [
        ("site-1", "site-1", r#"{"auc": NaN, "n": 123456789012345678901234567890, "loss": 1e-5}"#),
        ("site-2", "site-1", r#"{"auc": [0.1, -Infinity, {}], "b": []}"#),
        ("site-1", "Zürich \u{1}\"", "{}"),
    ] {
        assert!(validation.receive(&received(owner, client, metrics(values))).told().is_empty());
    }
    let state = validation.state();
    assert_eq!(state, format!(r#"{{"_val_results": {}}}"#, validation.to_json()));
    let restored = validated(&state).unwrap();
    assert_eq!((restored.to_json(), restored.state()), (validation.to_json(), state));
    assert_eq!(restored.clients(), 2);
    assert_eq!(Validation::default().state(), r#"{"_val_results": {}}"#);
}

#[test]
fn an_evaluation_that_is_restored_writes_the_same_files() {
    let mut evaluation = Evaluation::default();
    assert_eq!(evaluation.state(), r#"{"_eval_results": {}, "_eval_failures": []}"#);
    evaluation.receive(&of_task("m", "c", "TIMEOUT", Ok(None)));
    evaluation.receive(&of_task("", "c", "EXECUTION_EXCEPTION", Ok(None)));
    let failed = evaluated(&evaluation.state()).unwrap();
    assert!(failed.all_tasks_failed());
    evaluation.receive(&received("m", "c", metrics(r#"{"auc": [1, {"a": NaN}]}"#)));
    evaluation.receive(&received("", "d", metrics(r#"{"auc": 0.5}"#)));
    evaluation.receive(&received("", "e", metrics("{}")));
    let restored = evaluated(&evaluation.state()).unwrap();
    assert_eq!(restored.results_json(), evaluation.results_json());
    assert_eq!(restored.failures_json(), evaluation.failures_json());
    assert_eq!((restored.clients(), restored.failures()), (3, 2));
    assert!(!restored.all_tasks_failed());
}

#[test]
fn what_python_sets_is_written_as_it_would_write_it() {
    let state =
        "{\n \"_val_results\" : {\"c\": {\"m\": {\"auc\": 1E2, \"s\": \"ü\"}, \"n\" :3 }, \"d\":{ }} }";
    let expected = r#"{"c": {"m": {"auc": 100.0, "s": "\u00fc"}, "n": 3}, "d": {}}"#;
    assert_eq!(validated(state).unwrap().to_json(), expected);

    let state = r#"{"_eval_failures": [{"client": "c", "extra": 1}], "_eval_results": {"c": {"auc": 1}}}"#;
    let evaluation = evaluated(state).unwrap();
    assert_eq!(evaluation.results_json(), "{\n    \"c\": {\n        \"auc\": 1\n    }\n}");
    let failures = "[\n    {\n        \"client\": \"c\",\n        \"extra\": 1\n    }\n]";
    assert_eq!(evaluation.failures_json(), failures);

    // Of equal keys, the first has the place and the last the value.
    let state =
        r#"{"_val_results": {"a": {"m": 1, "n": 1, "m": 2}, "b": {}, "a": {"o": 1, "p": 2, "o": 3}}}"#;
    assert_eq!(validated(state).unwrap().to_json(), r#"{"a": {"o": 3, "p": 2}, "b": {}}"#);
}

#[test]
fn what_is_no_state_changes_nothing() {
    let mut validation = validated(r#"{"_val_results": {"c": {"m": 1}}}"#).unwrap();
    let mut evaluation = evaluated(r#"{"_eval_results": {"c": {"m": 1}}, "_eval_failures": [{}]}"#).unwrap();
    let before = (validation.state(), evaluation.state());
    for (state, error) in [
        ("", "not readable: "),
        ("[]", "not readable: "),
        ("{}", "it has no \"_val_results\""),
        (r#"{"_val_results": {}, "x": 1}"#, "it has \"x\", which is unknown"),
        (r#"{"_val_results": {}} x"#, "not readable: "),
        (r#"{"_val_results": null}"#, "_val_results is no dict"),
        (r#"{"_val_results": {"d": {}, "e\n": [1]}}"#, r#"_val_results["e\n"] is no dict"#),
        (r#"{"_val_results": {"d": {"m": nan}}}"#, "not readable: "),
        (r#"{"_val_results": {"d": {"m": "\ud800"}}}"#, "not readable: "),
    ] {
        let told = validation.restore(state).unwrap_err().to_string();
        assert!(told.starts_with(error), "{state}: {told}");
    }
    for (state, error) in [
        (r#"{"_eval_results": {}}"#, "it has no \"_eval_failures\""),
        (r#"{"_eval_results": {}, "_eval_failures": {}}"#, "_eval_failures is no list"),
        (r#"{"_eval_results": {}, "_eval_failures": [{}, 1]}"#, "_eval_failures[1] is no dict"),
        (r#"{"_eval_results": {"d": 1}, "_eval_failures": []}"#, "_eval_results[\"d\"] is no dict"),
    ] {
        assert_eq!(evaluation.restore(state).unwrap_err().to_string(), error);
    }
    assert_eq!((validation.state(), evaluation.state()), before);
}

#[test]
fn everything_that_is_kept_can_be_restored() {
    let long = |len: usize| metrics(&format!(r#"{{"a": "{}"}}"#, "x".repeat(len)));
    let mut evaluation = Evaluation::default();
    for client in 0..33 {
        evaluation.receive(&received("m", &client.to_string(), long(MAX_VALUES - 100)));
    }
    (0..10_000).for_each(|_| drop(evaluation.receive(&of_task("m", "c", "TIMEOUT", Ok(None)))));
    let state = evaluation.state();
    assert!(state.len() <= MAX_STATE);
    assert_eq!(evaluated(&state).unwrap().state(), state);

    // Characters that six stand for in the file.
    let mut validation = Validation::default();
    validation.receive(&received("m", "c", long(MAX_VALUES - 100)));
    let values = format!(r#"{{"a": "{}"}}"#, "\u{7f}".repeat(MAX_VALUES - 100));
    assert!(validation.receive(&received("m", "e", metrics(&values))).told().is_empty());
    assert_eq!(validated(&validation.state()).unwrap().state(), validation.state());
}

#[test]
fn a_state_exhausts_nothing() {
    let full = |error: Result<_, StateError>| matches!(error, Err(StateError::Full(_)));
    let long = format!(r#"{{"_val_results": {{}}{}}}"#, " ".repeat(MAX_STATE));
    assert!(matches!(validated(&long), Err(StateError::TooLong { .. })));
    let clients: String = (0..200_000).map(|n| format!(r#","{n}":{{}}"#)).collect();
    assert!(full(validated(&format!(r#"{{"_val_results": {{"x":{{}}{clients}}}}}"#)).map(drop)));
    let entries: String = (0..200_000).map(|n| format!(r#","{n}":0"#)).collect();
    assert!(full(validated(&format!(r#"{{"_val_results": {{"x":{{"x":0{entries}}}}}}}"#)).map(drop)));
    let failures = format!("[{{}}{}]", ",{}".repeat(MAX_FAILURES / 100));
    let state = format!(r#"{{"_eval_results": {{}}, "_eval_failures": {failures}}}"#);
    assert!(full(evaluated(&state).map(drop)));
    let value = format!("[0{}]", ",0".repeat(4 * MAX_VALUES));
    let state = format!(r#"{{"_val_results": {{"c": {{"m": {value}}}}}}}"#);
    assert!(matches!(validated(&state), Err(StateError::LongValue { .. })));
    assert!(state.len() < MAX_KEPT);
}
