//! What is kept of a result, what is told of the rest, and where it is written.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod common;

use common::{TestDxo, collection, metrics, of_task, received};
use json_results::{Evaluation, PathError, Problems, Received, ResultsFile, Validation, name};
use proptest::prelude::*;

fn lines(problems: &Problems) -> Vec<String> {
    problems.lines().collect()
}

#[test]
fn a_run_starts_with_nothing() {
    let mut validation = Validation::default();
    validation.receive(&received("m", "c", metrics("{}")));
    validation.clear();
    assert_eq!(validation.to_json(), "{}");

    let mut evaluation = Evaluation::default();
    evaluation.receive(&of_task("m", "c", "TIMEOUT", Ok(None)));
    assert!(evaluation.all_tasks_failed());
    evaluation.clear();
    assert!(!evaluation.all_tasks_failed());
    assert_eq!(evaluation.failures_json(), "[]");
}

#[test]
fn a_validation_result_that_cannot_be_kept_is_a_line_and_nothing_more() {
    let mut validation = Validation::default();
    let mut told = |event: Received<TestDxo>| lines(&validation.receive(&event));
    let not_kept = "the result of model \"m\", client \"c\" is not kept: ";

    assert_eq!(told(received("", "c", metrics("{}"))), ["a result without a model owner is not kept"]);
    assert_eq!(told(received("m", "", metrics("{}"))), ["a result without a data client is not kept"]);
    let nothing = Received { result: None, ..received("m", "c", TestDxo::Tensors) };
    assert_eq!(told(nothing), ["no result came with the event that one is there"]);
    for (event, reason) in [
        (of_task("m", "c", "TIMEOUT", Ok(None)), "it carries no dxo, its return code is TIMEOUT"),
        (of_task("m", "c", "OK", Err("the handles are spent".to_owned())), "the handles are spent"),
        (received("m", "c", TestDxo::Tensors), "it is of kind WEIGHTS, not METRICS or COLLECTION"),
        (received("m", "c", metrics("[1]")), "its values are no dict"),
        (received("m", "c", metrics("{\"a\": }")), "its values are no JSON: expected value at byte 6"),
    ] {
        assert_eq!(told(event), [format!("{not_kept}{reason}")]);
    }
    assert_eq!(validation.to_json(), "{}");
}

#[test]
fn a_collection_is_kept_without_its_broken_members() {
    let members =
        [("gone", None), ("weights", Some(TestDxo::Tensors)), ("good", Some(metrics(r#"{"auc": 1}"#)))];
    let members = members.map(|(name, member)| (name.to_owned(), member)).into();
    let mut validation = Validation::default();
    let problems = validation.receive(&received("m", "c", TestDxo::Collection(members)));
    assert_eq!(
        lines(&problems),
        [
            "the result of model \"m\", client \"c.gone\" is not kept: no member is called \"gone\"",
            "the result of model \"m\", client \"c.weights\" is not kept: it holds no plain values",
        ]
    );
    assert_eq!(validation.to_json(), r#"{"c.good": {"m": {"auc": 1}}}"#);
}

#[test]
fn collections_nest_as_deep_as_in_the_contract() {
    let nested = |depth| (0..depth).fold(metrics("{}"), |inner, _| collection([("x", inner)]));
    let mut validation = Validation::default();
    assert_eq!(lines(&validation.receive(&received("m", "c", nested(16)))), [""; 0]);
    assert_eq!(validation.clients(), 1);
    let told = lines(&validation.receive(&received("m", "c", nested(17))));
    assert!(told[0].ends_with("collections nest deeper than 16"), "{told:?}");
}

#[test]
fn a_failed_task_is_told_and_kept() {
    let mut evaluation = Evaluation::default();
    let mut told = |event: Received<TestDxo>| lines(&evaluation.receive(&event));
    let failed = of_task("m", "c", "EXECUTION_EXCEPTION", Ok(Some(metrics("{}"))));
    assert_eq!(told(failed), ["the task of model \"m\", client \"c\" failed: EXECUTION_EXCEPTION"]);
    let broken = told(received("", "c", metrics("{")));
    assert!(broken[0].starts_with("the result of client \"c\" is not kept: its values are no JSON"));
    assert_eq!(told(received("m", "", metrics("{}"))), ["a result without a data client is not kept"]);
    assert_eq!(evaluation.failures(), 2);
    assert!(evaluation.all_tasks_failed());

    evaluation.receive(&received("m", "c", metrics("{}")));
    assert!(!evaluation.all_tasks_failed());
}

#[test]
fn names_are_texts() {
    assert_eq!(name(r#""site-\u00e9""#).as_deref(), Some("site-é"));
    for property in [r#""""#, "null", "7", r#"["site-1"]"#, "site-1", ""] {
        assert_eq!(name(property), None, "{property}");
    }
}

#[test]
fn results_lie_in_the_folder_of_the_job() {
    let path = |dir, file| ResultsFile::new(dir, file).map(|file| file.path());
    for (dir, file, expected) in [
        ("cross_site_val", "cross_val_results.json", "cross_site_val/cross_val_results.json"),
        ("", "r.json", "r.json"),
        ("./a//b/", "c/../r.json", "a/b/r.json"),
        ("a", "../r.json", "r.json"),
    ] {
        assert_eq!(path(dir, file).as_deref(), Ok(expected));
    }
    for (dir, file, error) in [
        ("..", "r.json", r#"results_dir: ".." leaves the job's folder"#),
        ("a/../../b", "r.json", r#"results_dir: "a/../../b" leaves the job's folder"#),
        ("/tmp", "r.json", r#"results_dir: "/tmp" leaves the job's folder"#),
        ("a", "/r.json", r#"json_file_name: "/r.json" leaves the job's folder"#),
        ("a", "../../r.json", r#"json_file_name: "../../r.json" leaves the job's folder"#),
        ("a", "", r#"json_file_name: "" names no file"#),
        ("a", "b/", r#"json_file_name: "b/" names no file"#),
        ("a", "..", r#"json_file_name: ".." names no file"#),
        ("a\0", "b", "results_dir: holds a NUL character"),
        ("a", "b\0", "json_file_name: holds a NUL character"),
    ] {
        assert_eq!(path(dir, file).unwrap_err().to_string(), error);
    }
}

#[test]
fn two_files_are_not_one() {
    let file = ResultsFile::new("a", "results.json").unwrap();
    assert_eq!(file.beside("failures.json").unwrap().path(), "a/failures.json");
    assert_eq!(file.beside("results.json"), Err(PathError::Taken("results.json".to_owned())));
}

proptest! {
    #[test]
    fn no_path_leaves(dir in r"[a./\\\x00]{0,8}", file in r"[a./\\\x00]{0,8}") {
        if let Ok(file) = ResultsFile::new(&dir, &file) {
            let path = file.path();
            prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path}");
            prop_assert!(!path.contains('\0'));
            prop_assert!(path.starts_with(&file.directory()));
        }
    }
}
