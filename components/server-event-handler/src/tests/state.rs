//! What the handler remembers can be read and set.

use flip_sdk::Error;

use super::{Answers, Fake, MODEL_ID, args, failure, final_status};
use crate::{ServerEventHandler, event};

/// The final status of a run that goes on from this state.
fn goes_on(answers: Answers, state: &str, events: &[&str]) -> String {
    let host = Fake::new(answers);
    let mut handler = ServerEventHandler::new(&host, args(MODEL_ID)).unwrap();
    handler.restore(state).unwrap();
    for event in events {
        handler.handle(event, &());
    }
    final_status(&host.calls()).to_owned()
}

#[test]
fn what_happened_is_remembered() {
    let host = Fake::new(Answers::default());
    let mut handler = ServerEventHandler::new(&host, args(MODEL_ID)).unwrap();
    let mut after = |event: &str| {
        handler.handle(event, &());
        handler.state()
    };
    assert_eq!(after(event::START_RUN), r#"{"fatal_error":false,"final_status":null}"#);
    assert_eq!(after(event::ABORTED), r#"{"fatal_error":false,"final_status":"STOPPED"}"#);
    assert_eq!(after(event::FATAL_SYSTEM_ERROR), r#"{"fatal_error":true,"final_status":"STOPPED"}"#);
    assert_eq!(after(event::END_RUN), r#"{"fatal_error":true,"final_status":"ERROR"}"#);
    assert_eq!(final_status(&host.calls()), "ERROR");
}

#[test]
fn the_run_ends_as_was_set() {
    let failed = || Answers { persist: failure(), ..Answers::default() };
    let state =
        |fatal: bool, status: &str| format!(r#"{{"fatal_error": {fatal}, "final_status": {status}}}"#);
    let end = [event::END_RUN];
    for (fatal, status, answers, expected) in [
        (true, "null", Answers::default(), "ERROR"),
        (true, r#""STOPPED""#, Answers::default(), "ERROR"),
        (false, "null", Answers::default(), "RESULTS_UPLOADED"),
        (false, "null", failed(), "ERROR"),
        (false, r#""STOPPED""#, failed(), "STOPPED"),
        (false, r#""ERROR""#, Answers::default(), "ERROR"),
        (false, r#""PREPARED""#, Answers::default(), "PREPARED"),
        (false, r#""RESULTS_UPLOADED""#, failed(), "ERROR"),
    ] {
        assert_eq!(goes_on(answers, &state(fatal, status), &end), expected, "{fatal} {status}");
    }
    // What is set is no end: a fatal error before it waits, and one after it corrects what the hub was told.
    let stopped = state(false, r#""STOPPED""#);
    let host = Fake::new(Answers::default());
    let mut handler = ServerEventHandler::new(&host, args(MODEL_ID)).unwrap();
    handler.restore(&stopped).unwrap();
    handler.handle(event::FATAL_SYSTEM_ERROR, &());
    assert!(!host.calls().iter().any(|call| call.starts_with("status")));
    assert_eq!(goes_on(Answers::default(), &stopped, &[event::END_RUN, event::FATAL_SYSTEM_ERROR]), "ERROR");
}

#[test]
fn what_is_no_state_changes_nothing() {
    let host = Fake::new(Answers::default());
    let mut handler = ServerEventHandler::new(&host, args(MODEL_ID)).unwrap();
    handler.handle(event::ABORTED, &());
    let before = handler.state();
    for (state, error) in [
        ("", "state: not a JSON object"),
        (r#"[true, null]"#, "state: not a JSON object"),
        (r#"{"fatal_error": true}"#, "state: missing field `final_status`"),
        (r#"{"final_status": null}"#, "state: missing field `fatal_error`"),
        (r#"{"fatal_error": 1, "final_status": null}"#, "state: fatal_error: invalid type"),
        (
            r#"{"fatal_error": true, "final_status": "stopped"}"#,
            "state: final_status: \"stopped\" is none of",
        ),
        (r#"{"fatal_error": true, "final_status": null, "aborted": true}"#, "state: unknown field `aborted`"),
    ] {
        let Err(Error::InvalidArgument(told)) = handler.restore(state) else { panic!("{state}") };
        assert!(told.starts_with(error), "{state}: {told}");
    }
    assert_eq!(handler.state(), before);
}
