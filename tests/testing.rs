//! The host that component authors test on.

use std::time::Duration;

use flip_runtime::testing::{Answer, Found, Peer, TestHost, context};
use flip_runtime::{ContractError, Error};
use flip_wasm_tests::{EVERYTHING, calls, runtime, test_host, told};
use serde_json::json;

#[test]
fn calls_are_kept_in_order_with_how_they_ended() {
    let host = test_host(EVERYTHING).file("job/a", "text").unwrap();
    let errands = vec![
        json!({"read": ["job", "a", 0, 9]}),
        json!({"read": ["job", "b", 0, 9]}),
        json!({"rename": ["job", "a", "images", "b"]}),
        json!({"put": ["key", "x"]}),
        json!({"update-status": "4f0c"}),
        json!({"fire": "a"}),
    ];
    let told = told(&host, errands);
    assert!(told[0].starts_with("ok") && told[1].starts_with("not found: "), "{told:?}");
    let calls = calls(&host);
    let expected = [
        "storage open job",
        "storage read job/a",
        "storage open job",
        "storage read job/b = not-found",
        "storage open job",
        "storage open images",
        "storage rename job/a -> images/b",
        "object-store put key",
        "hub update-status PUT /model/4f0c/status/RESULTS_UPLOADED",
        "events fire a",
    ];
    assert_eq!(calls, expected);
    assert_eq!(host.tree().unwrap()["images/b"], Found::File(b"text".to_vec()));
    assert_eq!(host.objects().unwrap()["key"], b"x");
    assert_eq!(host.hub_requests().len(), 1);
}

#[test]
fn an_answer_takes_the_place_of_one_call() {
    let host = test_host(EVERYTHING)
        .answer("object-store put key", Answer::failing(ContractError::Unavailable("down".to_owned())))
        .answer("object-store head key", Answer::late(Duration::from_millis(1)))
        .answer("object-store get other", Answer::default());
    let put = json!({"put": ["key", "x"]});
    let told = told(&host, vec![put.clone(), put, json!({"head": "key"})]);
    assert_eq!(told[0], "unavailable: down");
    assert!(told[1].starts_with("ok") && told[2].starts_with("ok"), "{told:?}");
    assert_eq!(calls(&host)[0], "object-store put key = unavailable");
    assert_eq!(host.unused_answers(), ["object-store get other"]);
    assert_eq!(host.objects().unwrap().len(), 1);
}

#[test]
fn nothing_is_granted_unless_the_test_says_so() {
    let host = TestHost::new(&runtime()).unwrap();
    let told = told(&host, vec![json!({"open": "job"}), json!({"update-status": "4f0c"})]);
    assert!(told.iter().all(|told| told.starts_with("not permitted: ")), "{told:?}");
    assert!(calls(&host).iter().all(|call| call.ends_with(" = not-permitted")), "{:?}", calls(&host));
}

#[test]
fn a_built_in_component_has_what_its_own_policy_grants() {
    let component = runtime().load("cleanup-images").unwrap();
    let host = TestHost::new(&runtime()).unwrap().file("images/1/scan", "x").unwrap();
    let mut executor = host.instance(&component).build().unwrap();
    let nothing = flip_runtime::Dxo::new(flip_runtime::DataKind::Metrics);
    let reply = executor.execute("init_training", flip_runtime::Shareable::ok(nothing), &context()).unwrap();
    assert_eq!(reply.return_code, flip_runtime::ReturnCode::Ok);
    assert!(host.tree().unwrap().is_empty());
}

#[test]
fn other_components_are_known_by_their_ids_and_roles() {
    let generator = Peer::ResultsGenerator { all_tasks_failed: true };
    let failing = Peer::ResultsPersistor { fails: Some("the bucket is full".to_owned()) };
    let host = test_host(EVERYTHING).peer("generator", generator).peer("persistor", failing);
    let component = runtime().load("server-event-handler").unwrap();
    let policy =
        flip_runtime::BUILTINS.iter().find(|builtin| builtin.name == "server-event-handler").unwrap();
    let host = host.with_grants(policy.grants().unwrap());
    let args = r#"{"model_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "validation_json_generator_id": "generator",
        "persist_and_cleanup_id": "persistor"}"#;
    let mut handler = host.instance(&component).args(args).build().unwrap();
    for event in ["_start_run", "_end_run"] {
        // What it makes of a persistor that fails is its own affair.
        let _ = handler.handle_event(event, &context());
    }
    let calls = calls(&host);
    assert!(calls.contains(&"peers get-results-persistor persistor".to_owned()), "{calls:?}");
    assert!(calls.contains(&"peers execute persistor = unavailable".to_owned()), "{calls:?}");
}

#[test]
fn files_go_into_the_folders_that_grants_name_and_nowhere_else() {
    for path in ["../a", "job/../a", "/etc/a", "nobody/a", "job", "job//a", "job/."] {
        let planted = TestHost::new(&runtime()).unwrap().file(path, "x");
        assert!(matches!(planted, Err(Error::InvalidData(_))), "{path}");
    }
}
