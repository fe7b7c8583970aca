//! What each task deletes, in which order, and what it answers.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

use std::cell::RefCell;

use flip_sdk::cleanup::Tally;
use flip_sdk::storage::Root;
use flip_sdk::{Error, ReturnCode};

use crate::{Host, execute};

struct Fake {
    local_dev: bool,
    job_id: &'static str,
    /// What these calls answer, by how they start.
    failures: Vec<(&'static str, Error)>,
    calls: RefCell<Vec<String>>,
    log: RefCell<Vec<String>>,
    freed: RefCell<Option<f64>>,
}

impl Fake {
    fn new() -> Self {
        Self {
            local_dev: false,
            job_id: "simulate_job",
            failures: Vec::new(),
            calls: RefCell::default(),
            log: RefCell::default(),
            freed: RefCell::default(),
        }
    }

    fn failing(call: &'static str, error: Error) -> Self {
        Self { failures: vec![(call, error)], ..Self::new() }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    fn call<T>(&self, call: String, answer: T) -> Result<T, Error> {
        let failure = self.failures.iter().find(|(start, _)| call.starts_with(start));
        self.calls.borrow_mut().push(call);
        failure.map_or(Ok(answer), |(_, error)| Err(error.clone()))
    }
}

impl Host for Fake {
    type Directory = Root;

    fn local_dev(&self) -> bool {
        self.local_dev
    }

    fn job_id(&self) -> String {
        self.job_id.to_owned()
    }

    fn open(&self, root: Root) -> Result<Root, Error> {
        self.call(format!("open {}", name(root)), root)
    }

    fn remove(&self, directory: &Root, path: &str) -> Result<Tally, Error> {
        let tally = Tally { files: 2, directories: 1, bytes: 1 << 20 };
        self.call(format!("remove {} {path}", name(*directory)), tally)
    }

    fn clear(&self, directory: &Root) -> Result<Tally, Error> {
        self.call(format!("clear {}", name(*directory)), Tally { files: 3, directories: 0, bytes: 3 << 20 })
    }

    fn info(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }

    fn error(&self, line: &str) {
        self.log.borrow_mut().push(format!("error: {line}"));
    }

    fn gauge(&self, name: &str, value: f64) {
        assert_eq!(name, "bytes-freed");
        *self.freed.borrow_mut() = Some(value);
    }
}

fn name(root: Root) -> &'static str {
    match root {
        Root::Workspace => "workspace",
        Root::Images => "images",
        other => panic!("{other:?} is none of this component's"),
    }
}

const IMAGES: [&str; 2] = ["open images", "clear images"];
const JOB_THEN_IMAGES: [&str; 4] =
    ["open workspace", "remove workspace simulate_job", "open images", "clear images"];

#[test]
fn the_images_go_at_each_task_and_the_job_folder_before_them_at_the_end() {
    for (task, calls, freed) in [
        ("init_training", &IMAGES[..], 3_u32),
        ("init_task", &IMAGES[..], 3),
        ("post_validation", &JOB_THEN_IMAGES[..], 4),
        ("post_task", &JOB_THEN_IMAGES[..], 4),
    ] {
        let host = Fake::new();
        let answer = execute(&host, task);
        assert_eq!((answer.code, answer.exception), (ReturnCode::Ok, None));
        assert_eq!(host.calls(), calls, "{task}");
        assert_eq!(*host.freed.borrow(), Some(f64::from(freed << 20)));
        assert_eq!(host.log.borrow().last().unwrap(), "deleted the images: 3.0 MiB in 3 files freed");
    }
}

#[test]
fn another_task_is_unknown_and_deletes_nothing() {
    for local_dev in [false, true] {
        let host = Fake { local_dev, ..Fake::new() };
        assert_eq!(execute(&host, "train").code, ReturnCode::TaskUnknown);
        assert_eq!(host.calls(), [] as [&str; 0]);
    }
}

#[test]
fn a_developers_machine_keeps_everything() {
    for task in ["init_training", "init_task", "post_validation", "post_task"] {
        let host = Fake { local_dev: true, ..Fake::new() };
        assert_eq!(execute(&host, task).code, ReturnCode::Ok);
        assert_eq!(host.calls(), [] as [&str; 0]);
        assert!(host.log.borrow().last().unwrap().starts_with("local dev: the images"));
    }
}

#[test]
fn what_is_not_there_needs_no_deleting() {
    for call in ["open", "remove", "clear"] {
        let host = Fake::failing(call, Error::NotFound("nothing".to_owned()));
        assert_eq!(execute(&host, "post_task").code, ReturnCode::Ok, "{call}");
    }
}

#[test]
fn a_failure_is_told_in_the_answer_and_the_images_are_tried_all_the_same() {
    let host = Fake::failing("remove", Error::Unavailable("disk \"a\"".to_owned()));
    let answer = execute(&host, "post_validation");
    assert_eq!(answer.code, ReturnCode::ExecutionException);
    assert_eq!(answer.exception.unwrap(), "unavailable: disk \"a\"");
    assert_eq!(host.calls(), JOB_THEN_IMAGES);

    let host = Fake::failing("open images", Error::NotPermitted("images = \"...\"".to_owned()));
    let answer = execute(&host, "init_task");
    assert_eq!(answer.exception.unwrap(), "not permitted: images = \"...\"");
}

#[test]
fn an_abort_stops_it_at_once() {
    for (call, calls) in [("remove", 2), ("clear", 4)] {
        let host = Fake::failing(call, Error::Aborted);
        let answer = execute(&host, "post_task");
        assert_eq!((answer.code, answer.exception), (ReturnCode::TaskAborted, None));
        assert_eq!(host.calls(), JOB_THEN_IMAGES[..calls]);
    }
}

#[test]
fn an_abort_is_told_even_after_another_failure() {
    let mut host = Fake::failing("remove", Error::Unavailable("disk".to_owned()));
    host.failures.push(("clear", Error::Aborted));
    assert_eq!(execute(&host, "post_task").code, ReturnCode::TaskAborted);
}

#[test]
fn a_job_id_that_leads_elsewhere_deletes_no_folder() {
    for job_id in ["", "..", "../other", "a/b", "/"] {
        let host = Fake { job_id, ..Fake::new() };
        let answer = execute(&host, "post_task");
        assert_eq!(answer.code, ReturnCode::ExecutionException);
        assert_eq!(host.calls(), IMAGES, "the images are those of the net, whatever the job is called");
    }
}
