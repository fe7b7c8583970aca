//! The interface `hub`, through a guest.

use std::sync::Arc;

use flip_runtime::services::ServiceError;
use flip_wasm_tests::{EVERYTHING, Fails, Site, test_host, told};
use serde_json::{Value, json};

/// Every function once.
fn functions() -> Vec<Value> {
    vec![
        json!({"update-status": "4f0c"}),
        json!({"send-metric": ["site-3", "4f0c", "loss", 0.5, 7]}),
        json!({"send-exception": ["site-3", "4f0c", "a\nb"]}),
    ]
}

#[test]
fn every_function_sends_what_it_says() {
    let host = test_host(EVERYTHING);
    assert_eq!(told(&host, functions()), ["ok"; 3]);
    let sent: Vec<_> = host
        .hub_requests()
        .into_iter()
        .map(|request| format!("{} {} {}", request.method, request.path, request.body.unwrap_or_default()))
        .collect();
    assert_eq!(
        sent,
        [
            "PUT /model/4f0c/status/RESULTS_UPLOADED ",
            r#"POST /model/4f0c/metrics {"trust":"Trust_3","globalRound":7,"label":"loss","result":0.5}"#,
            r#"POST /model/4f0c/logs {"trust":"Trust_3","log":"a\nb"}"#,
        ]
    );
}

#[test]
fn a_model_id_that_no_path_holds_reaches_no_hub() {
    let host = test_host(EVERYTHING);
    for id in ["", ".", ".."] {
        let errands = vec![
            json!({"update-status": id}),
            json!({"send-metric": ["site-1", id, "loss", 1.0, 0]}),
            json!({"send-exception": ["site-1", id, "x"]}),
        ];
        let reason = format!("invalid argument: the model id {id:?} cannot stand in a path");
        assert_eq!(told(&host, errands), [&*reason; 3]);
    }
    assert!(host.hub_requests().is_empty());
    assert_eq!(told(&host, vec![json!({"update-status": "a/../../b?c"})]), ["ok"]);
    assert_eq!(host.hub_requests()[0].path, "/model/a%2F..%2F..%2Fb%3Fc/status/RESULTS_UPLOADED");
}

#[test]
fn each_failure_of_the_hub_is_told_as_what_it_is() {
    use ServiceError as E;
    let text = || "as it is".to_owned();
    for (error, told) in [
        (E::InvalidArgument(text()), "invalid argument: as it is"),
        (E::NotFound(text()), "not found: as it is"),
        (E::QuotaExceeded(text()), "quota exceeded: as it is"),
        (E::Unavailable(text()), "unavailable: as it is"),
        (E::Aborted, "the run is being aborted"),
    ] {
        let mut site = Site::granting_everything();
        site.services.hub = Some(Arc::new(Fails::With(error)));
        assert_eq!(site.run(functions()), [told; 3]);
    }
}

#[test]
fn a_panic_in_the_hub_is_not_one_of_the_host() {
    let mut site = Site::granting_everything();
    site.services.hub = Some(Arc::new(Fails::Panics));
    assert_eq!(site.run(functions()), ["unavailable: the service failed"; 3]);
}

#[test]
fn a_host_without_a_hub_says_so() {
    let mut site = Site::granting_everything();
    site.services.hub = None;
    assert_eq!(site.run(functions()), ["unavailable: this host has no hub"; 3]);
}
