//! Components that call each other, in a whole place.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flip_runtime::{AbortSignal, FlContext};
use flip_wasm_tests::{ServerConfig, context};
use serde_json::{Value, json};

const GENERATORS: &str = r#"peers = ["results-generator"]"#;
const ALL: &str = r#"peers = ["results-generator", "results-persistor", "model-persistor"]"#;

fn say(text: &str) -> Value {
    json!({"say": text})
}

#[test]
fn a_peer_does_what_it_is_asked() {
    let server = ServerConfig::default()
        .on(
            "asking",
            GENERATORS,
            json!({"go": [
                {"handle-evaluation-event": ["generator", "evaluate"]}, {"handle-evaluation-event": ["generator", "fail"]},
                {"all-tasks-failed": "generator"}, {"all-tasks-failed": "failed"},
            ]}),
        )
        .on("generator", "", json!({"evaluate": [say("evaluated")], "fail": [{"fail": "as it was told"}]}))
        .with("failed", "", &json!({"on": {}, "all-tasks-failed": true}))
        .start();
    assert_eq!(server.fire("go"), ["evaluated", "ok", "invalid data: as it was told", "ok false", "ok true"]);
}

#[test]
fn a_lookup_says_what_an_id_names() {
    let persistor = "nvflare.app_opt.pt.file_model_persistor.PTFileModelPersistor";
    let lookups = |id: &str| json!([{"get-results-generator": id}, {"get-results-persistor": id}, {"get-model-persistor": id}]);
    let server = ServerConfig::default()
        .on(
            "asking",
            ALL,
            json!({"none": lookups("none"), "runner": lookups("runner"), "engine": lookups("engine"),
                "persistor": lookups("persistor"), "itself": lookups("asking"), "": lookups("")}),
        )
        .on("runner", "", json!({}))
        .engine("engine", "nvflare.app_common.aggregators.Aggregator")
        .engine("persistor", persistor)
        .start();
    let mut seen = 0;
    let mut ask = |event_type: &str| {
        let lines = server.fire(event_type).split_off(seen);
        seen += lines.len();
        lines
    };
    let not_found = "not found: no such component";
    let wrong = |role: &str| format!("invalid argument: wrong role: {role}");
    let runner = "errand, whose roles are: event-handler, executor, results-generator";
    let aggregator = "nvflare.app_common.aggregators.Aggregator";
    assert_eq!(ask("none"), [not_found; 3]);
    assert_eq!(ask(""), [not_found; 3]);
    assert_eq!(ask("runner"), ["ok".to_owned(), wrong(runner), wrong("errand, which keeps no model")]);
    assert_eq!(ask("itself"), ["ok".to_owned(), wrong(runner), wrong("errand, which keeps no model")]);
    let engine = wrong(&format!("{aggregator}, a part of the FL engine"));
    assert_eq!(
        ask("engine"),
        [engine.clone(), engine, wrong(&format!("{aggregator}, which keeps no model"))]
    );
    let engine = wrong(&format!("{persistor}, a part of the FL engine"));
    assert_eq!(ask("persistor"), [engine.clone(), engine, "ok".to_owned()]);
}

#[test]
fn a_peer_that_was_not_granted_is_not_told_about() {
    let server = ServerConfig::default()
        .on(
            "asking",
            "",
            json!({"go": [{"get-results-generator": "runner"}, {"get-results-generator": "none"}]}),
        )
        .on("runner", "", json!({}))
        .start();
    let refused = "not permitted: peers = [\"results-generator\"] under [components.asking]";
    assert_eq!(server.fire("go"), [refused; 2]);
}

#[test]
fn the_engines_persistor_tells_its_models() {
    let server = ServerConfig::default()
        .on("asking", ALL, json!({"go": [{"model-inventory": "persistor"}]}))
        .engine("persistor", "PTFileModelPersistor")
        .start();
    assert_eq!(server.fire("go"), ["ok []"]);
    std::fs::create_dir(server.job.path().join("app_server")).unwrap();
    std::fs::write(server.job.path().join("app_server/FL_global_model.pt"), "").unwrap();
    let inventory = r#"ok [("FL_global_model.pt", "app_server/FL_global_model.pt")]"#;
    assert_eq!(server.fire("go")[1], inventory);
}

#[test]
pub fn a_component_that_is_on_the_call_stack_is_unavailable_and_no_hang() {
    let call = |id: &str| json!({"handle-evaluation-event": [id, "evaluate"]});
    let server = ServerConfig::default()
        .on(
            "outer",
            GENERATORS,
            json!({"go": [call("outer"), {"all-tasks-failed": "outer"}, call("inner")], "evaluate": [say("never")]}),
        )
        .on(
            "inner",
            GENERATORS,
            json!({"evaluate": [call("outer"), {"all-tasks-failed": "outer"}, call("inner"), say("inner: went on")]}),
        )
        .start();
    let busy = |id: &str| {
        format!("unavailable: {id}: is being called already, and cannot be called again before it returns")
    };
    let expected = [
        busy("outer"),
        "ok true".to_owned(),
        busy("outer"),
        "ok true".to_owned(),
        busy("inner"),
        "inner: went on".to_owned(),
        "ok".to_owned(),
    ];
    assert_eq!(server.fire("go"), expected);
    assert_eq!(server.fire("go")[7..], expected);
}

#[test]
fn a_caller_was_ended_with_a_peer_that_ignores_the_abort() {
    let ignores = json!({"again": [u32::MAX, {"fire": "nothing that it may"}]});
    let server = ServerConfig::default()
        .on(
            "asking",
            GENERATORS,
            json!({"go": [{"handle-evaluation-event": ["generator", "stay"]}], "later": [say("later")]}),
        )
        .on("generator", "", json!({"stay": [say("there"), ignores]}))
        .start();
    let abort = AbortSignal::default();
    let context = Arc::new(FlContext { abort: abort.clone(), ..(*context()).clone() });
    thread::scope(|scope| {
        let fired = scope.spawn(|| server.place.fire("go", &context));
        while server.fire("unheard of").is_empty() && !fired.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        abort.trigger();
    });
    assert!(server.failures("generator")[0].contains("the run is being aborted"));
    assert_eq!(server.fire("later").last().unwrap(), "later");
    assert!(server.failures("asking").is_empty());
}

/// Whoever waits for it has an own time, which is up meanwhile.
#[test]
pub fn a_caller_with_the_last_of_its_time_ended_its_peer() {
    let gate = json!({"read-until": ["job", "gate", "open"]});
    let server = ServerConfig::default()
        .on(
            "asking",
            "peers = [\"results-generator\"]\nlimits = { call-time = \"2s\" }",
            json!({"go": [{"handle-evaluation-event": ["generator", "evaluate"]}, say("never")]}),
        )
        .on(
            "generator",
            "directories = { job = \"read-write\" }",
            json!({"evaluate": [{"write": ["job", "begun", "x"]}, gate, say("done")], "again": [say("again")]}),
        )
        .start();
    let job = server.job.path();
    let lines = std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..30_000 {
                if job.join("begun").exists() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            // Longer than one has patience with a call that hangs.
            std::thread::sleep(Duration::from_millis(3_500));
            std::fs::write(job.join("gate"), "open").unwrap();
        });
        server.fire("go")
    });
    assert_eq!(lines[lines.len() - 1], "done", "{lines:?}");
    let failures = server.failures("asking");
    assert!(failures.len() == 1 && failures[0].contains("limit call-time reached: 2s"), "{failures:?}");
    assert!(server.failures("generator").is_empty());
    assert_eq!(server.fire("again").last().unwrap(), "again");
}

#[test]
pub fn a_peer_that_traps_is_unavailable_from_then_on() {
    let server = ServerConfig::default()
        .on(
            "asking",
            GENERATORS,
            json!({"go": [
                {"handle-evaluation-event": ["traps", "evaluate"]}, {"handle-evaluation-event": ["traps", "other"]},
                {"all-tasks-failed": "traps"}, say("went on"),
            ]}),
        )
        .on("traps", "", json!({"evaluate": ["panic"]}))
        .start();
    let lines = server.fire("go").split_off(1);
    assert!(lines[0].starts_with("unavailable: errand: trapped: "), "{lines:?}");
    assert!(lines[1].starts_with("unavailable: errand: failed in an earlier call"), "{lines:?}");
    assert_eq!(lines[2..], ["ok true", "went on"]);
    assert!(server.failures("asking").is_empty());
}
