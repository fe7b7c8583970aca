//! Traps in each role that a component can play, through `flip-wasm run`, `flip-wasm filter`, and `flip-wasm test`
//! where only an engine calls the role.

use crate::support::jobs::Job;
use crate::support::{Site, shown};
use flip_wasm_tests::MISBEHAVING_PHASES;
use flip_wasm_tests::hostile::roles::{EXECUTOR, GENERATOR, LOCATOR, PERSISTOR, PHASES, ones, trapping};
use serde_json::{Value, json};

const AB: &str = r#"events = ["a", "b"]"#;

fn say(text: &str) -> Value {
    json!({"say": text})
}

/// Those who waited are given each event that was fired before the trap, and what comes after it.
#[test]
fn a_trap_loses_no_event_that_waits_for_the_others() {
    let traps =
        json!({"go": [{"fire": "a"}, {"fire": "b"}, "panic"], "b": [say("never")], "end": [say("never")]});
    let others = json!({"a": [say("a")], "b": [say("b")], "go": [say("go")], "end": [say("end")]});
    let waits =
        json!({"a": [{"fire": "b"}, say("a")], "b": [say("b")], "go": [say("go")], "end": [say("end")]});
    let job = Job::new().on("before", "", &others).on("traps", AB, &traps).on("behind", AB, &waits);
    let ran = job.event("go").event("end").run(&[]);
    ran.assert_code(5);
    // What one fires in its turn comes in between.
    assert_eq!(ran.told("before"), ["go", "a", "b", "b", "end"], "{}", ran.log);
    assert_eq!(ran.told("behind"), ["ok", "a", "b", "b", "go", "end"], "{}", ran.log);
    // It had fired both when it trapped, and is called no more.
    assert_eq!(ran.told("traps"), ["ok", "ok"], "{}", ran.log);
    assert!(ran.summary.contains("server, traps: go: traps: trapped: "), "{}", ran.summary);
    assert!(
        !ran.summary.contains("server, before") && !ran.summary.contains("server, behind"),
        "{}",
        ran.summary
    );
}

/// How a case calls this function.
fn called(function: &str) -> Value {
    match function {
        "model-names" => json!({"model-names": {}}),
        "locate-model" => json!({"locate-model": "a"}),
        "evaluate" => json!({"evaluation-event": "a"}),
        "all-failed" => json!({"all-tasks-failed": {}}),
        "carry-out" => json!({"execute": {"task": "a"}}),
        persist => json!({"persist": persist}),
    }
}

/// A call that must end like this.
fn giving(function: &str, gives: Value) -> Value {
    let mut call = called(function);
    call["gives"] = gives;
    call
}

/// It traps in each of its functions in turn, and is not called after that; a new one is.
#[track_caller]
fn assert_traps(functions: &[&str]) {
    let ends = |function: &str| match function {
        "model-names" => json!({"names": []}),
        "locate-model" => json!({"model": null}),
        "all-failed" => json!({"failed": false}),
        "carry-out" => json!({"reply": {"code": "OK"}}),
        _ => json!("ok"),
    };
    let site = Site::new().hostile();
    for function in functions {
        site.write("guest.wasm", &trapping(function));
        let others: Vec<_> = functions.iter().filter(|other| *other != function).collect();
        let benign = others.iter().map(|other| giving(other, ends(other))).collect::<Vec<_>>();
        let mut calls = benign.clone();
        calls.push(giving(function, json!({"trap": "wasm `unreachable` instruction executed"})));
        let gone = json!({"invalid": "guest: failed in an earlier call and cannot be called again; make a new instance"});
        calls.extend(functions.iter().map(|function| giving(function, gone.clone())));
        let cases =
            json!({"cases": [{"name": "it traps", "calls": calls}, {"name": "anew", "calls": benign}]});
        site.write("cases.json", cases.to_string().as_bytes());
        let output = site.output(&["test", "guest.wasm", "cases.json"]);
        assert_eq!(output.status.code(), Some(0), "{function}: {}", shown(&output));
    }
}

/// In a job it is the engine that calls a locator.
#[test]
fn a_model_locator_that_traps_is_called_no_more() {
    assert_traps(&LOCATOR);
}

#[test]
fn a_results_persistor_that_traps_is_called_no_more() {
    assert_traps(&PERSISTOR);
}

#[test]
fn a_results_generator_that_traps_is_called_no_more() {
    assert_traps(&GENERATOR);
}

#[test]
fn an_executor_that_traps_is_called_no_more() {
    assert_traps(&EXECUTOR);
}

/// The one that waits for its answer goes on, and so do the others.
#[test]
fn a_peer_that_traps_is_unavailable_from_then_on() {
    let granted = r#"peers = ["results-generator", "results-persistor"]"#;
    let asked = json!([
        {"handle-evaluation-event": ["generator", "evaluate"]},
        {"handle-evaluation-event": ["generator", "other"]},
        {"execute": "persistor"},
        {"execute": "persistor"},
        say("went on"),
    ]);
    let job = Job::new()
        .on("asking", granted, &json!({"go": asked, "end": [say("end")]}))
        .with("generator", &trapping("evaluate"), "", &json!({}))
        .with("persistor", &trapping("execute"), "", &json!({}))
        .on("other", "", &json!({"go": [say("go")]}));
    let ran = job.event("go").event("end").run(&[]);
    ran.assert_code(5);
    let told = ran.told("asking");
    for (outcome, start) in told.iter().zip([
        "unavailable: generator: trapped: ",
        "unavailable: generator: failed in an earlier call",
        "unavailable: persistor: trapped: ",
        "unavailable: persistor: failed in an earlier call",
    ]) {
        assert!(outcome.starts_with(start), "{told:?}");
    }
    assert_eq!((told.len(), &told[4..], ran.told("other")), (6, &["went on", "end"][..], vec!["go"]));
    assert!(!ran.summary.contains("server, asking"), "{}", ran.summary);
}

/// Enough for two parts: on one core alone it is not shared, and filtered in one call.
#[test]
fn a_filter_in_phases_that_traps_lets_nothing_out() {
    let shared = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    let site = Site::new().hostile();
    site.write("guest.wasm", MISBEHAVING_PHASES);
    site.write_dxo("update.safetensors", ones(3 << 19));
    let given = std::fs::read(site.path("update.safetensors")).unwrap();
    let before = site.files();
    for deed in PHASES {
        let args = format!(r#"{{"deed": "{deed}"}}"#);
        let filter = ["filter", "guest.wasm", "--args", &args, "--in", "update.safetensors"];
        let output = site.output(&[&filter[..], &["--out", "out.safetensors"]].concat());
        if !shared {
            assert_eq!(output.status.code(), Some(0), "{deed}: {}", shown(&output));
            std::fs::remove_file(site.path("out.safetensors")).unwrap();
            continue;
        }
        assert_eq!(output.status.code(), Some(5), "{deed}: {}", shown(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("on purpose") && said.contains("trapped: "), "{deed}: {said}");
        assert_eq!(site.files(), before, "{deed}");
        assert!(
            std::fs::read(site.path("update.safetensors")).unwrap() == given,
            "{deed}: the update changed"
        );
    }
}
