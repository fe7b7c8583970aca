//! What a component remembers between calls, read and set by whoever embeds it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flip_runtime::services::{
    Caller, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor, Services,
};
use flip_runtime::{
    Builtin, Code, Component, DataKind, Dxo, Error, FlContext, Inspection, Instance, Json, Limits, Shareable,
};
use flip_wasm_tests::job::MODEL_ID;
use flip_wasm_tests::{Site, assert_limit, context, misbehaving, raw, runtime};

/// A built-in at a site, as its own policy has it.
fn built_in(site: &Site, name: &str, args: &str) -> Instance {
    let builtin = Builtin::find(name).unwrap();
    let grants = builtin.grants().unwrap();
    let component = runtime().load(name).unwrap();
    let services = Services { peers: Some(Arc::new(Idle)), ..site.services.clone() };
    component.instance().args(args).grants(grants).services(services).build().unwrap()
}

fn generate(generator: &mut Instance, event: &str, context: &Arc<FlContext>) {
    let deadline = Instant::now() + Duration::from_secs(60);
    generator.handle_evaluation_event(event, Caller { id: "test", context, deadline }).unwrap();
}

/// A result has come.
fn receive(generator: &mut Instance, owner: &str, client: &str, metrics: &str) {
    let mut dxo = Dxo::new(DataKind::Metrics);
    assert!(dxo.set_values(raw(metrics)));
    let mut context = FlContext::clone(&context());
    for (key, name) in [("_model_owner_", owner), ("_data_client_", client)] {
        context.props.insert(key.to_owned(), Json::of(name).unwrap());
    }
    context.shareables.insert("_validation_result_".to_owned(), Arc::new(Shareable::ok(dxo)));
    generate(generator, "_validation_result_received", &Arc::new(context));
}

/// What lies in a file after the end of a run that goes on from this state.
fn file_of(name: &str, state: &Json, file: &str) -> String {
    let site = Site::granting_everything();
    let mut fresh = built_in(&site, name, "{}");
    fresh.set_state(state).unwrap();
    assert_eq!(fresh.state().unwrap().as_ref(), Some(state));
    generate(&mut fresh, "_end_run", &site.context);
    site.read(file)
}

const VALIDATION: &str = "job/cross_site_val/cross_val_results.json";
const EVALUATION: &str = "job/evaluation_results/evaluation_results.json";
const FAILURES: &str = "job/evaluation_results/evaluation_failures.json";

#[test]
fn a_run_goes_on_in_another_instance() {
    for (name, files) in [
        ("validation-json-generator", &[VALIDATION][..]),
        ("evaluation-json-generator", &[EVALUATION, FAILURES]),
    ] {
        let site = Site::granting_everything();
        let mut generator = built_in(&site, name, "{}");
        assert!(generator.has_state());
        receive(&mut generator, "site-1", "site-1", r#"{"auc": NaN, "loss": 1e-05}"#);
        receive(&mut generator, "site-1", "Zürich", r#"{"auc": [0.5, {}]}"#);
        receive(&mut generator, "site-2", "site-1", r#"[]"#);
        let state = generator.state().unwrap().unwrap();
        generate(&mut generator, "_end_run", &site.context);
        for file in files {
            assert_eq!(file_of(name, &state, file), site.read(file), "{file}");
        }
    }
}

#[test]
fn what_is_set_is_what_is_written() {
    let state = raw(r#"{"_val_results": {"c": {"m": {"auc": 1.0, "é": [Infinity]}}}}"#);
    let written = r#"{"c": {"m": {"auc": 1.0, "\u00e9": [Infinity]}}}"#;
    let site = Site::granting_everything();
    let mut generator = built_in(&site, "ValidationJsonGenerator", "{}");
    generator.set_state(&state).unwrap();
    assert_eq!(generator.state().unwrap().unwrap().text(), format!(r#"{{"_val_results": {written}}}"#));
    generate(&mut generator, "_end_run", &site.context);
    assert_eq!(site.read(VALIDATION), written);

    let state = raw(r#"{"_eval_results": {}, "_eval_failures": [{"model": null}]}"#);
    let mut generator = built_in(&site, "EvaluationJsonGenerator", "{}");
    generator.set_state(&state).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let caller = Caller { id: "test", context: &site.context, deadline };
    assert!(generator.all_tasks_failed(caller).unwrap());
    generate(&mut generator, "_end_run", &site.context);
    assert_eq!(site.read(EVALUATION), "{}");
    assert_eq!(site.read(FAILURES), "[\n    {\n        \"model\": null\n    }\n]");
}

#[test]
fn all_that_is_kept_fits_into_the_policys_limits() {
    let site = Site::granting_everything();
    let mut generator = built_in(&site, "ValidationJsonGenerator", "{}");
    let long = format!(r#"{{"a": "{}"}}"#, "x".repeat((1 << 20) - 100));
    for client in 0..33 {
        receive(&mut generator, "m", &client.to_string(), &long);
    }
    let state = generator.state().unwrap().unwrap();
    assert!(state.text().len() > 30 << 20);
    let mut fresh = built_in(&site, "ValidationJsonGenerator", "{}");
    for _ in 0..2 {
        fresh.set_state(&state).unwrap();
        assert!(fresh.state().unwrap().unwrap() == state);
    }
}

#[test]
fn a_final_status_is_read_and_set() {
    let args = format!(r#"{{"model_id": "{MODEL_ID}"}}"#);
    let state =
        |fatal: bool, status: &str| raw(&format!(r#"{{"fatal_error":{fatal},"final_status":{status}}}"#));
    for (before, event, between, after) in [
        (state(false, "null"), "_aborted", state(false, "\"STOPPED\""), "STOPPED"),
        (state(true, "null"), "_training_started", state(true, "null"), "ERROR"),
        (state(false, "\"STOPPED\""), "_fatal_system_error", state(true, "\"STOPPED\""), "ERROR"),
        (state(false, "null"), "_start_run", state(false, "null"), "RESULTS_UPLOADED"),
    ] {
        let site = Site::granting_everything();
        let mut handler = built_in(&site, "ServerEventHandler", &args);
        assert_eq!(handler.state().unwrap().unwrap(), state(false, "null"));
        handler.set_state(&before).unwrap();
        handler.handle_event(event, &site.context).unwrap();
        assert_eq!(handler.state().unwrap().unwrap(), between);
        handler.handle_event("_end_run", &site.context).unwrap();
        let told = handler.state().unwrap().unwrap();
        assert!(told.text().contains(after), "{told:?}");
        let requests = site.hub.requests();
        assert!(requests.last().unwrap().path.ends_with(&format!("/status/{after}")), "{requests:?}");
    }
}

/// Peers that do nothing.
struct Idle;

impl Peers for Idle {
    fn results_generator(&self, _: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError> {
        Ok(Arc::new(Self))
    }

    fn results_persistor(&self, _: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError> {
        Ok(Arc::new(Self))
    }

    fn model_persistor(&self, _: &str) -> Result<Arc<dyn ModelPersistor>, LookupError> {
        Err(LookupError::NotFound)
    }
}

impl ResultsGenerator for Idle {
    fn handle_evaluation_event(&self, _: &str, _: Caller<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn all_tasks_failed(&self, _: Caller<'_>) -> Result<bool, Error> {
        Ok(false)
    }
}

impl ResultsPersistor for Idle {
    fn execute(&self, _: Caller<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn what_is_no_state_is_a_typed_error_and_changes_nothing() {
    let site = Site::granting_everything();
    let args = format!(r#"{{"model_id": "{MODEL_ID}"}}"#);
    for (name, args, before) in [
        ("ValidationJsonGenerator", "{}", r#"{"_val_results": {"c": {"m": 1}}}"#),
        ("EvaluationJsonGenerator", "{}", r#"{"_eval_results": {}, "_eval_failures": []}"#),
        ("ServerEventHandler", &args, r#"{"fatal_error":true,"final_status":null}"#),
    ] {
        let mut instance = built_in(&site, name, args);
        instance.set_state(&raw(before)).unwrap();
        for garbage in
            [r#"{}"#, r#"{"x": 1}"#, r#"{"_val_results": [], "_eval_results": 1, "fatal_error": 2}"#]
        {
            let error = instance.set_state(&raw(garbage)).unwrap_err();
            assert!(matches!(error, Error::Failed { .. }), "{error}");
            assert!(error.to_string().contains(": invalid argument: state: "), "{error}");
        }
        for garbage in ["[]", "null", " 7", r#""{}""#] {
            let error = instance.set_state(&raw(garbage)).unwrap_err();
            assert_eq!(error.code(), Code::InvalidInput, "{error}");
        }
        let long = raw(&format!("{{{}}}", " ".repeat(35 << 20)));
        assert_limit(instance.set_state(&long), "call-bytes");
        assert_eq!(instance.state().unwrap().unwrap().text(), before, "{name}");
    }
}

#[test]
fn a_component_need_not_tell() {
    let mut filter = misbehaving(r#""zero""#);
    assert!(!filter.has_state());
    assert!(filter.state().unwrap().is_none());
    let error = filter.set_state(&raw("{}")).unwrap_err();
    assert!(matches!(error, Error::InvalidComponent { .. }), "{error}");
    assert!(error.to_string().contains("it does not export flip:fl/state@0.1.0"), "{error}");
    let inspection = Inspection::of(Builtin::find("server-event-handler").unwrap().wasm).unwrap();
    assert_eq!(inspection.roles, ["event-handler"], "a state is no role");
    assert!(inspection.exports.contains(&"flip:fl/state@0.1.0".to_owned()));
}

/// The shell of hostile filters, with a state of this type: `save` lies in `code` as a function that returns
/// the address of where a text lies, and its length.
fn telling(result: &str, code: &str) -> Component {
    let shell = include_str!("hostile/wat/filter.wat");
    let code = format!(r#"(func (export "restore") (param i32 i32) (result i32) (i32.const 0)) {code}"#);
    let shell = shell.replacen("(;fields;)", &code, 1);
    let shell = shell.trim_end().strip_suffix(')').unwrap();
    let wat = format!(
        r#"{shell}
        (func $save (result {result})
          (canon lift (core func $main "save") (memory $memory) (realloc $realloc)))
        (func $restore (param "state" string) (result (result (error $error)))
          (canon lift (core func $main "restore") (memory $memory) (realloc $realloc)))
        (instance $state (export "save" (func $save)) (export "restore" (func $restore)))
        (export "flip:fl/state@0.1.0" (instance $state)))"#
    );
    runtime().load_bytes("guest", &wat::parse_str(&wat).unwrap()).unwrap()
}

/// One that answers with a text of so many bytes at address 1000, of which `text` are the first.
fn answering(text: &str, len: usize, before: &str) -> Instance {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let code = format!(
        r#"(data (i32.const 1000) "{text}")
        (func (export "save") (result i32)
          {before}
          (i32.store (i32.const 16) (i32.const 1000))
          (i32.store (i32.const 20) (i32.const {len}))
          (i32.const 16))"#
    );
    telling("string", &code).instance().build().unwrap()
}

#[test]
fn what_a_hostile_component_answers_is_checked() {
    let text = r#"{"a": NaN}"#;
    let mut guest = answering(text, text.len(), "");
    assert_eq!(guest.state().unwrap().unwrap().text(), text);
    guest.set_state(&raw("{}")).unwrap();
    let deep = "[".repeat(50_000);
    for text in ["", "[1]", "{", "null", "{} x", r#"{"a": 1, "a": 2}"#, "'", &deep] {
        let mut guest = answering(text, text.len(), "");
        for _ in 0..2 {
            let error = guest.state().unwrap_err();
            assert!(error.to_string().starts_with("guest: its state is no JSON object: "), "{error}");
            assert_eq!(error.code(), Code::InvalidInput);
        }
    }
}

#[test]
fn a_state_has_a_length_and_a_time() {
    let grow = |pages: u32| format!("(drop (memory.grow (i32.const {pages})))");
    assert_limit(answering("", 8 << 20, &grow(200)).state(), "call-bytes");
    let mut guest = answering("", 1 << 30, &grow(1 << 15));
    assert_limit(guest.state(), "memory");
    assert!(matches!(guest.state(), Err(Error::Poisoned { .. })));
    assert!(matches!(answering("", 1 << 30, "").state(), Err(Error::Trapped { .. })));
    assert!(matches!(answering("", 0, "unreachable").state(), Err(Error::Trapped { .. })));
    let limits = Limits { call_time: Duration::from_millis(200), ..Limits::default() };
    let endless = r#"(func (export "save") (result i32) (loop $l (br $l)) (i32.const 0))"#;
    assert_limit(telling("string", endless).instance().limits(limits).build().unwrap().state(), "call-time");
}

#[test]
fn a_state_of_another_type_does_not_fit_the_contract() {
    let mut guest =
        telling("u32", r#"(func (export "save") (result i32) (i32.const 7))"#).instance().build().unwrap();
    let error = guest.state().unwrap_err();
    assert!(matches!(error, Error::InvalidComponent { .. }), "{error}");
    assert!(
        error.to_string().starts_with("guest: its flip:fl/state@0.1.0 does not fit the contract: "),
        "{error}"
    );
}
