//! What the hub and the other components hear of a run, and in which order.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod fake;
mod state;

use flip_sdk::Error;
use flip_sdk::peers::LookupError;

use crate::{Args, ServerEventHandler, event};
use fake::{Answers, Fake};

const MODEL_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

/// Delivers the events of a run; returns what the handler did.
fn run(answers: Answers, events: &[&str]) -> Vec<String> {
    let host = Fake::new(answers);
    let mut handler = ServerEventHandler::new(&host, args(MODEL_ID)).unwrap();
    assert_eq!(host.calls(), [] as [&str; 0], "other components may not be configured yet");
    for event in events {
        handler.handle(event, &());
    }
    host.calls()
}

fn args(model_id: &str) -> Args {
    Args {
        model_id: model_id.to_owned(),
        validation_json_generator_id: "json_generator".to_owned(),
        persist_and_cleanup_id: "persist_and_cleanup".to_owned(),
    }
}

fn failure() -> Result<(), Error> {
    Err(Error::Unavailable("no answer".to_owned()))
}

/// The last status that the hub was told.
fn final_status(calls: &[String]) -> &str {
    calls.iter().rev().find_map(|call| call.strip_prefix(&format!("status {MODEL_ID} "))).unwrap()
}

#[test]
fn a_run_from_its_start_to_its_end() {
    let calls = run(
        Answers::default(),
        &[
            event::START_RUN,
            event::TRAINING_INITIATED,
            event::INITIAL_MODEL_LOADED,
            event::TRAINING_STARTED,
            event::TRAINING_FINISHED,
            event::VALIDATION_RESULT_RECEIVED,
            event::END_RUN,
            event::RESULTS_UPLOAD_COMPLETED,
        ],
    );
    assert_eq!(
        calls,
        [
            "look up generator json_generator",
            "look up persistor persist_and_cleanup",
            "generate _start_run",
            "generate _training_initiated",
            &format!("status {MODEL_ID} INITIATED"),
            "generate _initial_model_loaded",
            &format!("status {MODEL_ID} PREPARED"),
            "generate _training_started",
            &format!("status {MODEL_ID} TRAINING_STARTED"),
            "generate _training_finished",
            "generate _validation_result_received",
            "generate _end_run",
            "persist",
            &format!("status {MODEL_ID} RESULTS_UPLOADED"),
            "generate _results_upload_completed",
        ]
    );
}

#[test]
fn the_final_status_is_the_first_that_applies() {
    for bits in 0..32_u8 {
        let [fatal, aborted, persistor, generator, evaluation] = [1, 2, 4, 8, 16].map(|bit| bits & bit != 0);
        let answers = Answers {
            persist: if persistor { failure() } else { Ok(()) },
            generate: if generator { failure() } else { Ok(()) },
            all_tasks_failed: evaluation,
            ..Answers::default()
        };
        let mut events = vec![event::START_RUN];
        events.extend(aborted.then_some(event::ABORTED));
        events.extend(fatal.then_some(event::FATAL_SYSTEM_ERROR));
        events.push(event::END_RUN);
        let calls = run(answers, &events);
        let expected = if fatal {
            "ERROR"
        } else if aborted {
            "STOPPED"
        } else if persistor || generator || evaluation {
            "ERROR"
        } else {
            "RESULTS_UPLOADED"
        };
        assert_eq!(final_status(&calls), expected, "{bits:05b}");
        assert!(calls.contains(&"persist".to_owned()), "what there is of results is brought to safety");
    }
}

#[test]
fn a_generator_that_fails_before_the_end_does_not_stop_the_run() {
    let host = Fake::new(Answers { generate: failure(), ..Answers::default() });
    let mut handler = ServerEventHandler::new(&host, args(MODEL_ID)).unwrap();
    handler.handle(event::TRAINING_STARTED, &());
    host.answers.borrow_mut().generate = Ok(());
    handler.handle(event::END_RUN, &());
    assert_eq!(final_status(&host.calls()), "RESULTS_UPLOADED");
    assert_eq!(host.errors(), ["the results generator failed at _training_started: unavailable: no answer"]);
}

#[test]
fn a_hub_that_cannot_be_reached_stops_nothing() {
    let host = Fake::new(Answers { hub: failure(), ..Answers::default() });
    let mut handler = ServerEventHandler::new(&host, args(MODEL_ID)).unwrap();
    for event in [event::TRAINING_STARTED, event::END_RUN] {
        handler.handle(event, &());
    }
    assert!(host.calls().contains(&"persist".to_owned()));
    assert_eq!(
        host.errors(),
        [
            "the hub was not told the status TRAINING_STARTED: unavailable: no answer",
            "the hub was not told the status RESULTS_UPLOADED: unavailable: no answer",
        ]
    );
}

#[test]
fn a_component_that_is_missing_ends_the_run_once_and_the_hub_hears_of_it() {
    let found = LookupError::WrongRole("dxo-filter (percentile-privacy)".to_owned());
    let line = LookupError::NotPermitted("calls = [\"persist_and_cleanup\"]".to_owned());
    for (answers, ids, texts) in [
        (
            Answers { generator: Some(LookupError::NotFound), ..Answers::default() },
            vec!["\"json_generator\""],
            vec!["no component"],
        ),
        (
            Answers { persistor: Some(found.clone()), ..Answers::default() },
            vec!["\"persist_and_cleanup\""],
            vec!["dxo-filter (percentile-privacy)"],
        ),
        (
            Answers { generator: Some(found), persistor: Some(line), ..Answers::default() },
            vec!["\"json_generator\"", "\"persist_and_cleanup\""],
            vec!["dxo-filter (percentile-privacy)", "calls = [\"persist_and_cleanup\"]"],
        ),
    ] {
        let calls = run(
            answers,
            &[event::START_RUN, event::TRAINING_INITIATED, event::FATAL_SYSTEM_ERROR, event::END_RUN],
        );
        let [_, _, panic, status] = calls.as_slice() else { panic!("{calls:?}") };
        assert!(panic.starts_with("panic "), "{panic}");
        assert!(ids.iter().chain(&texts).all(|text| panic.contains(text)), "{panic}");
        assert_eq!(*status, format!("status {MODEL_ID} ERROR"));
    }
}

#[test]
fn its_own_panic_at_the_end_of_the_run_needs_no_event() {
    let calls =
        run(Answers { persistor: Some(LookupError::NotFound), ..Answers::default() }, &[event::END_RUN]);
    assert_eq!(final_status(&calls), "ERROR");
}

#[test]
fn a_fatal_error_that_arrives_after_the_end_corrects_the_status_once() {
    let late = [event::END_RUN, event::FATAL_SYSTEM_ERROR, event::FATAL_SYSTEM_ERROR];
    let statuses = |answers| {
        run(answers, &late).into_iter().filter(|call| call.starts_with("status")).collect::<Vec<_>>()
    };
    let status = |name| format!("status {MODEL_ID} {name}");
    assert_eq!(statuses(Answers::default()), [status("RESULTS_UPLOADED"), status("ERROR")]);
    let failed = Answers { persist: failure(), ..Answers::default() };
    assert_eq!(statuses(failed), [status("ERROR")]);
}

#[test]
fn a_model_id_that_is_no_uuid_is_reported_before_it_is_refused() {
    for hub in [Ok(()), failure()] {
        let told = hub.is_ok();
        let host = Fake::new(Answers { hub, ..Answers::default() });
        let Err(Error::InvalidArgument(text)) = ServerEventHandler::new(&host, args("my-model")) else {
            panic!()
        };
        assert_eq!(text, "The model ID: my-model is not a valid UUID");
        assert_eq!(host.calls(), ["status my-model ERROR"]);
        assert_eq!(host.errors().is_empty(), told);
    }
}

#[test]
fn the_args_have_defaults_and_no_other_names() {
    let args: Args = serde_json::from_str(&format!(r#"{{"model_id": "{MODEL_ID}"}}"#)).unwrap();
    assert_eq!(args.validation_json_generator_id, "json_generator");
    assert_eq!(args.persist_and_cleanup_id, "persist_and_cleanup");
    for wrong in [r#"{}"#, r#"{"model_id": 1}"#, r#"{"model_id": "", "json_generator_id": "x"}"#] {
        assert!(serde_json::from_str::<Args>(wrong).is_err(), "{wrong}");
    }
}
