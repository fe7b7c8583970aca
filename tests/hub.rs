//! The hub over HTTP, with a real server that can fail.

use std::time::Duration;

use axum::body::Body;
use flip_runtime::services::{
    Call, HttpHub, HttpHubOptions, Hub, HubMessage, HubMethod, HubRequest, ModelStatus, RecordedHub,
    ServiceError,
};
use flip_wasm_tests::servers::hub::{HubServer, KEY};
use flip_wasm_tests::servers::{Fault, Server, aborted_after, call, call_of, logged, nobody, runtime};
use hyper::Response;
use serde_json::json;

const PASSWORD: &str = "the-passw0rd";

fn status(model_id: &str, status: ModelStatus) -> HubMessage {
    HubMessage::Status { model_id: model_id.to_owned(), status }
}

fn metric(client: &str, value: f64, round: u32) -> HubMessage {
    let (client, model_id, label) = (client.to_owned(), "id".to_owned(), "loss".to_owned());
    HubMessage::Metric { client, model_id, label, value, round }
}

fn exception(client: &str, text: &str) -> HubMessage {
    HubMessage::Exception { client: client.to_owned(), model_id: "id".to_owned(), text: text.to_owned() }
}

/// The text of an error that must be `Unavailable`, and hold no secret.
fn unavailable(result: Result<(), ServiceError>) -> String {
    let error = result.unwrap_err();
    let ServiceError::Unavailable(text) = &error else { panic!("{error:?}") };
    let shown = format!("{text} {error:?}");
    assert!(!shown.contains(KEY) && !shown.contains(PASSWORD), "{shown}");
    text.clone()
}

fn assert_no_secret_logged() {
    let logged = logged();
    assert!(logged.contains("the hub is asked again"), "the log is caught");
    assert!(!logged.contains(KEY) && !logged.contains(PASSWORD));
}

#[test]
fn requests_arrive_whole_and_in_order() {
    let fixture = HubServer::new();
    let hub = fixture.hub();
    hub.send(&call(), &status("a/b", ModelStatus::TrainingStarted)).unwrap();
    for round in 0..20 {
        hub.send(&call(), &metric("site-2", 0.1, round)).unwrap();
    }
    hub.send(&call(), &exception("site-3", "Traceback\n  \"é\"")).unwrap();
    let log = fixture.log.lock().unwrap();
    assert_eq!(log[0], ("a/b status".to_owned(), json!("TRAINING_STARTED")));
    for round in 0..20 {
        let body = json!({"trust": "Trust_2", "globalRound": round, "label": "loss", "result": 0.1});
        assert_eq!(log[1 + round], ("id metrics".to_owned(), body));
    }
    assert_eq!(log[21], ("id logs".to_owned(), json!({"trust": "Trust_3", "log": "Traceback\n  \"é\""})));
    let seen = fixture.server.seen();
    assert!(seen.iter().all(|seen| seen.headers["x-internal-service-key"] == KEY));
    assert!(!seen[0].headers.contains_key("content-type"));
}

#[test]
fn the_header_of_the_key_can_have_another_name() {
    let fixture = HubServer::new();
    let options = HttpHubOptions { key_header: "X-Other".to_owned(), ..HttpHubOptions::default() };
    let url = format!("{}/api", fixture.server.address);
    let hub = HttpHub::new(&url, KEY.into(), &options, fixture.runtime.handle().clone()).unwrap();
    hub.send(&call(), &status("id", ModelStatus::Error)).unwrap();
    let seen = fixture.server.seen();
    assert_eq!(seen[0].headers["x-other"], KEY);
    assert!(!seen[0].headers.contains_key("x-internal-service-key"));
}

#[test]
fn what_may_pass_is_tried_again() {
    let fixture = HubServer::new();
    let hub = fixture.hub();
    for fault in [Fault::Status(500), Fault::Status(503), Fault::Status(429), Fault::Cut, Fault::Unanswered] {
        fixture.server.forget();
        fixture.server.fail(move |seen| (seen.number < 2).then_some(fault));
        hub.send(&call(), &status("id", ModelStatus::Prepared)).unwrap();
        assert_eq!(fixture.server.seen().len(), 3, "{fault:?}");
    }
    assert_no_secret_logged();
}

#[test]
fn attempts_are_bounded() {
    let fixture = HubServer::new();
    let hub = fixture.hub();
    for (fault, expected) in [
        (Fault::Status(500), "500"),
        (Fault::Status(429), "429"),
        (Fault::Cut, "hub: POST"),
        (Fault::Stall, "timed out"),
    ] {
        fixture.server.forget();
        fixture.server.fail(move |_| Some(fault));
        let text = unavailable(hub.send(&call(), &exception("site-1", "text")));
        assert!(text.contains(expected), "{fault:?}: {text}");
        assert_eq!(fixture.server.seen().len(), 4, "{fault:?}");
    }
    assert_no_secret_logged();
}

#[test]
fn a_refusal_is_final() {
    let fixture = HubServer::new();
    let hub = fixture.hub();
    for code in [400, 401, 403, 404, 422, 302] {
        fixture.server.forget();
        fixture.server.fail(move |_| Some(Fault::Status(code)));
        let text = unavailable(hub.send(&call(), &status("id", ModelStatus::Stopped)));
        assert!(text.contains(&code.to_string()), "{text}");
        assert!(text.contains("PUT") && text.contains("/api/model/id/status/STOPPED"), "{text}");
        assert_eq!(fixture.server.seen().len(), 1, "{code}");
    }
}

#[test]
fn a_hub_that_is_not_there_is_unavailable() {
    let fixture = HubServer::new();
    let hub = fixture.hub_at(&nobody());
    let text = unavailable(hub.send(&call(), &status("id", ModelStatus::Error)));
    assert!(text.contains("hub: PUT http://127.0.0.1:"), "{text}");
    assert_no_secret_logged();
}

#[test]
fn the_calls_end_is_the_requests_end() {
    let fixture = HubServer::new();
    let hub = fixture.hub();
    let short = Duration::from_millis(100);
    for fault in [Fault::Stall, Fault::Late(Duration::from_secs(20))] {
        fixture.server.fail(move |_| Some(fault));
        let result = hub.send(&call_of(short), &status("id", ModelStatus::Error));
        assert_eq!(result, Err(ServiceError::TimedOut));
        let result = hub.send(&aborted_after(short), &status("id", ModelStatus::Error));
        assert_eq!(result, Err(ServiceError::Aborted));
    }
    fixture.server.forget();
    assert_eq!(
        hub.send(&call_of(Duration::ZERO), &status("id", ModelStatus::Error)),
        Err(ServiceError::TimedOut)
    );
    assert_eq!(fixture.server.seen().len(), 0, "a call that is over asks nothing");
}

#[test]
pub fn the_key_is_shown_nowhere_even_where_the_hub_echoes_it() {
    logged();
    let runtime = runtime();
    let server = Server::start(&runtime, |request| {
        let headers = format!("{:?}", request.headers());
        Box::pin(async move {
            Response::builder().status(400).body(Body::from(format!("bad\u{7} {KEY} {headers}"))).unwrap()
        })
    });
    let url = server.address.replace("http://", &format!("http://user:{PASSWORD}@"));
    let hub = HttpHub::new(&url, KEY.into(), &HttpHubOptions::default(), runtime.handle().clone()).unwrap();
    let text = unavailable(hub.send(&call(), &status("id", ModelStatus::Error)));
    assert!(text.contains("bad\\u{7} [hidden]") && text.len() < 600, "{text}");
    assert!(text.contains(&server.address), "{text}");
    let debug = format!("{hub:?}");
    assert!(debug.contains(&server.address) && !debug.contains(KEY) && !debug.contains(PASSWORD), "{debug}");
    assert!(server.seen()[0].headers["authorization"].to_str().unwrap().starts_with("Basic "));
    assert!(!logged().contains(KEY) && !logged().contains(PASSWORD));
}

#[test]
fn a_password_in_the_hubs_address_was_shown_as_the_request_carried_it() {
    let fixture = HubServer::new();
    fixture.server.fail(|_| Some(Fault::Echo(400)));
    let url = fixture.server.address.replace("http://", &format!("http://user:{PASSWORD}@"));
    let text = unavailable(fixture.hub_at(&url).send(&call(), &status("id", ModelStatus::Error)));
    let carried = fixture.server.seen()[0].headers["authorization"].to_str().unwrap().to_owned();
    let carried = carried.strip_prefix("Basic ").unwrap();
    assert!(text.contains("authorization=Basic [hidden]") && !text.contains(carried), "{text}");
}

#[test]
fn a_password_with_escapes_in_the_hubs_address_was_shown_as_it_is() {
    let fixture = HubServer::new();
    let server = Server::start(&fixture.runtime, |_| {
        Box::pin(async { Response::builder().status(400).body(Body::from("no user with s3cr@t")).unwrap() })
    });
    let url = server.address.replace("http://", "http://user:s3cr%40t@");
    let text = unavailable(fixture.hub_at(&url).send(&call(), &status("id", ModelStatus::Error)));
    assert!(text.contains("no user with [hidden]") && !text.contains("s3cr"), "{text}");
}

#[test]
fn a_body_without_end_is_not_read_to_its_end() {
    let runtime = runtime();
    let server = Server::start(&runtime, |_| {
        Box::pin(async {
            let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 65536]));
            Response::builder().status(404).body(Body::from_stream(endless)).unwrap()
        })
    });
    let options = HttpHubOptions::default();
    let hub = HttpHub::new(&server.address, KEY.into(), &options, runtime.handle().clone()).unwrap();
    let text = unavailable(hub.send(&call(), &status("id", ModelStatus::Error)));
    assert!(text.len() < 400, "{text}");
}

#[test]
fn options_that_cannot_be_used_are_named_without_secrets() {
    let runtime = runtime();
    let new = |url: &str, key: &str, header: &str| {
        let options = HttpHubOptions { key_header: header.to_owned(), ..HttpHubOptions::default() };
        let error = HttpHub::new(url, key.into(), &options, runtime.handle().clone()).unwrap_err();
        assert!(matches!(error, ServiceError::InvalidArgument(_)));
        error.to_string()
    };
    assert!(new("hub:8000", "k", "X").contains("http or https"));
    assert!(new("http://u:p4ss@hub/?key=k3y", "k", "X").contains("without query"));
    assert!(!new("http://u:p4ss@hub/?key=k3y", "k", "X").contains("p4ss"));
    assert!(!new("http://u:p4ss@ hub", "k", "X").contains("p4ss"));
    assert!(!new("http://hub", "k3y\n", "X").contains("k3y"));
    assert!(new("http://hub", "k", "X Y").contains("\"X Y\""));
}

#[test]
fn the_recorded_hub_keeps_requests_in_order() {
    let hub = RecordedHub::default();
    hub.send(&call(), &status("id", ModelStatus::Initiated)).unwrap();
    hub.send(&call(), &metric("site-1", 0.5, 1)).unwrap();
    hub.send(&call(), &exception("site-1", "text")).unwrap();
    let result = hub.send(&call(), &metric("site-1", f64::NAN, 1));
    assert!(matches!(result, Err(ServiceError::InvalidArgument(_))));
    assert_eq!(hub.send(&aborted(), &status("id", ModelStatus::Error)), Err(ServiceError::Aborted));
    let requests = hub.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(
        requests[0],
        HubRequest { method: HubMethod::Put, path: "/model/id/status/INITIATED".to_owned(), body: None }
    );
    assert_eq!(requests[2].body.as_deref(), Some(r#"{"trust":"Trust_1","log":"text"}"#));
}

fn aborted() -> Call {
    let abort = flip_runtime::AbortSignal::default();
    abort.trigger();
    Call::new(std::time::Instant::now() + Duration::from_secs(60), abort)
}

#[test]
fn a_recording_of_long_texts_took_gigabytes() {
    let hub = RecordedHub::default();
    let text = "x".repeat(1 << 20);
    for _ in 0..80 {
        hub.send(&call(), &exception("site-1", &text)).unwrap();
    }
    assert_eq!(hub.requests().len(), 64);
}
