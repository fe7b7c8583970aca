//! What a site sends exhausts nothing.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod common;

use common::{TestDxo, metrics, of_task, received};
use json_results::limits::{MAX_FAILURES, MAX_KEPT, MAX_PROBLEMS, MAX_VALUES};
use json_results::{Evaluation, Validation};

/// Metrics of about so many bytes.
fn long(len: usize) -> TestDxo {
    metrics(&format!(r#"{{"a": "{}"}}"#, "x".repeat(len)))
}

#[test]
fn values_have_a_length() {
    let mut validation = Validation::default();
    assert!(validation.receive(&received("m", "c", long(MAX_VALUES - 100))).told().is_empty());
    let told: Vec<String> = validation.receive(&received("m", "d", long(MAX_VALUES))).lines().collect();
    assert!(told[0].ends_with("its values are 1048585 bytes long, more than 1048576"), "{told:?}");
    assert_eq!(validation.clients(), 1);
}

#[test]
fn results_beyond_the_room_are_problems_and_those_before_stay() {
    let mut validation = Validation::default();
    let mut told = Vec::new();
    for client in 0..40 {
        let problems = validation.receive(&received("m", &client.to_string(), long(MAX_VALUES - 100)));
        told.extend(problems.lines());
    }
    assert_eq!((validation.clients(), told.len()), (31, 9));
    assert!(told[0].ends_with("all that is kept would come to more than 33554432 bytes"), "{told:?}");
    assert!(validation.to_json().len() <= MAX_KEPT);
    // A result in the place of another needs no room of its own.
    assert!(validation.receive(&received("m", "0", long(MAX_VALUES - 100))).told().is_empty());
    assert!(validation.receive(&received("m", "1", metrics("{}"))).told().is_empty());
    assert!(validation.receive(&received("m", "20", long(MAX_VALUES / 2))).told().is_empty());
}

#[test]
fn what_an_indent_makes_of_a_text_counts() {
    let deep = format!(r#"{{"a": {}{}{}}}"#, "[".repeat(120), "0,".repeat(200_000) + "0", "]".repeat(120));
    for owner in ["m", ""] {
        let mut evaluation = Evaluation::default();
        let told: Vec<String> = evaluation.receive(&received(owner, "c", metrics(&deep))).lines().collect();
        assert!(told[0].ends_with("would come to more than 33554432 bytes"), "{told:?}");
        assert!(evaluation.all_tasks_failed());
        assert_eq!(evaluation.results_json(), "{}");
    }
}

#[test]
fn small_entries_count_too() {
    let many: String = (0..80_000).map(|n| format!(r#""{n}":0,"#)).collect();
    let many = metrics(&format!(r#"{{{many}"x":0}}"#));
    let mut evaluation = Evaluation::default();
    assert!(evaluation.receive(&received("", "c", many.clone())).told().is_empty());
    assert_eq!(evaluation.receive(&received("", "d", many)).told().len(), 1);

    let members = (0..150_000).map(|n| (n.to_string(), Some(metrics("{}")))).collect();
    let mut validation = Validation::default();
    let problems = validation.receive(&received("m", "c", TestDxo::Collection(members)));
    // It breaks off at the first that finds no room.
    assert_eq!(problems.told().len(), 1);
    assert!(validation.to_json().len() <= MAX_KEPT);
}

#[test]
fn names_count_as_the_file_has_them() {
    let members = (0..80).map(|n| ("\u{1}".repeat(100_000 + n), Some(metrics("{}")))).collect();
    let mut validation = Validation::default();
    validation.receive(&received("m", "c", TestDxo::Collection(members)));
    assert!(validation.clients() > 0);
    assert!(validation.to_json().len() <= MAX_KEPT);
}

#[test]
fn the_log_is_not_flooded() {
    let members = (0..1_000).map(|n| (n.to_string(), Some(TestDxo::Tensors))).collect();
    let problems = Validation::default().receive(&received("m", "c", TestDxo::Collection(members)));
    let lines: Vec<String> = problems.lines().collect();
    assert_eq!(lines.len(), MAX_PROBLEMS + 1);
    assert_eq!(lines[MAX_PROBLEMS], "984 more problems with this result");
}

#[test]
fn failures_beyond_the_room_are_problems() {
    let mut evaluation = Evaluation::default();
    let failed = of_task("m", "c", "TIMEOUT", Ok(None));
    let last = (0..10_000).map(|_| evaluation.receive(&failed)).last().unwrap();
    assert_eq!(last.told().len(), 2);
    assert!(evaluation.failures() > 1_000);
    assert!(evaluation.failures_json().len() <= MAX_FAILURES);
}
