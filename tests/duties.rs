//! What FLARE's base class of filters does around a filter, and that nothing leaves where it failed.

use flip_runtime::{
    Code, DataKind, Dxo, Error, Instance, Limits, Outcome, RecordedLog, ReturnCode, Shareable,
};
use flip_wasm_tests::{
    STEPS, assert_same, context, difference, float32, misbehaving, misbehaving_filter, misbehaving_within,
    percentile_privacy, raw, twins, update, update_of, values,
};
use std::sync::Arc;
use std::time::Duration;

fn history(dxo: &Dxo) -> Option<Vec<String>> {
    dxo.meta_as("filter_history")
}

fn metrics() -> Dxo {
    let mut metrics = Dxo::new(DataKind::Metrics);
    assert!(metrics.set_values(raw(r#"{"auc": 0.9}"#)));
    metrics
}

#[test]
fn a_filtered_dxo_has_the_filters_name_last_in_its_history() {
    let mut dxo = update();
    dxo.set_meta("filter_history", &["Earlier"]).unwrap();
    let filtered = misbehaving(r#""zero""#).filter(dxo, &context()).unwrap();
    assert_eq!(history(&filtered.dxo).unwrap(), ["Earlier", "MisbehavingFilter"]);
    assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered);
    assert_eq!(values(&filtered.dxo.tensors().unwrap()["b"]), [0.0, 0.0]);
}

#[test]
fn an_unchanged_dxo_has_it_too() {
    let filtered = misbehaving(r#"{"unchanged": "small\nenough"}"#).filter(update(), &context()).unwrap();
    assert_eq!(history(&filtered.dxo).unwrap(), ["MisbehavingFilter"]);
    assert_eq!(filtered.leaves[0].outcome, Outcome::Unchanged("small\\nenough".to_owned()));
    assert_same(&filtered.dxo, &update());
}

#[test]
fn the_history_names_the_instance() {
    let component = misbehaving_filter();
    let mut filter = component.instance().name("Ours").args(r#"{"deed": "zero"}"#).build().unwrap();
    assert_eq!(history(&filter.filter(update(), &context()).unwrap().dxo).unwrap(), ["Ours"]);
}

#[test]
fn a_history_that_is_no_list_lets_nothing_out() {
    let mut dxo = update();
    dxo.set_meta("filter_history", &"PercentilePrivacy").unwrap();
    let error = misbehaving(r#""zero""#).filter(dxo, &context()).unwrap_err();
    assert!(matches!(error, Error::InvalidData(_)), "{error}");
}

#[test]
fn every_leaf_in_nested_collections_is_filtered_on_its_own() {
    let inner = Dxo::of_members([("deep".to_owned(), update()), ("metrics".to_owned(), metrics())]);
    let outer =
        Dxo::of_members([("flat".to_owned(), update_of(DataKind::Weights)), ("in".to_owned(), inner)]);
    let filtered = misbehaving(r#""zero""#).filter(outer, &context()).unwrap();
    let paths: Vec<_> = filtered.leaves.iter().map(|leaf| &*leaf.path).collect();
    assert_eq!(paths, ["flat", "in.deep", "in.metrics"]);
    assert_eq!(filtered.leaves[1].outcome, Outcome::Filtered);
    assert!(matches!(&filtered.leaves[2].outcome, Outcome::PassedBy(reason) if reason.contains("METRICS")));

    let members = filtered.dxo.members().unwrap();
    assert!(members.keys().eq(["flat", "in"]));
    assert!(history(&filtered.dxo).is_none(), "a collection is no leaf");
    let deep = &members["in"].members().unwrap()["deep"];
    assert_eq!(history(deep).unwrap(), ["MisbehavingFilter"]);
    assert_eq!(values(&deep.tensors().unwrap()["a"]), [0.0; 4]);
    let passed_by = &members["in"].members().unwrap()["metrics"];
    assert_eq!(passed_by.values().unwrap().text(), r#"{"auc": 0.9}"#);
    assert!(history(passed_by).is_none());
}

#[test]
fn one_leaf_that_is_refused_keeps_the_whole_collection_back() {
    let mut late = update();
    late.set_meta(STEPS, &0).unwrap();
    let collection = Dxo::of_members([("good".to_owned(), update()), ("late".to_owned(), late)]);
    let mut filter = percentile_privacy().instance().build().unwrap();
    let result = filter.filter_result(Shareable::ok(collection), &context());
    assert!(result.reply.dxo.is_none());
    assert!(matches!(result.outcome, Err(Error::Refused { .. })));
}

#[test]
fn kinds_that_the_filter_does_not_ask_for_pass_by() {
    let mut filter = percentile_privacy().instance().args(r#"{"data_kinds": ["WEIGHTS"]}"#).build().unwrap();
    let passed = filter.filter(update(), &context()).unwrap();
    assert!(matches!(passed.leaves[0].outcome, Outcome::PassedBy(_)));
    assert!(history(&passed.dxo).is_none());
    assert_same(&passed.dxo, &update());
    let filtered = filter.filter(update_of(DataKind::Weights), &context()).unwrap();
    assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered);
}

#[test]
fn a_dxo_without_data_passes_by_without_history() {
    let mut filter = misbehaving(r#""panic""#);
    for dxo in [Dxo::new(DataKind::Weights), Dxo::new(DataKind::WeightDiff)] {
        let passed = filter.filter(dxo, &context()).unwrap();
        assert!(matches!(passed.leaves[0].outcome, Outcome::PassedBy(_)));
        assert!(history(&passed.dxo).is_none());
    }
    let empty = filter.filter(Dxo::new(DataKind::Collection), &context()).unwrap();
    assert!(empty.leaves.is_empty());
}

#[track_caller]
fn assert_held_back(mut filter: Instance, code: Code, reason: &str) -> Instance {
    let raw_update = update();
    let mut result = Shareable::ok(raw_update.clone());
    result.headers.insert("round".to_owned(), raw("3"));
    let held = filter.filter_result(result, &context());
    assert_eq!(held.reply.return_code, ReturnCode::TaskResultFilterError);
    assert!(held.reply.dxo.is_none());
    let exception: String = held.reply.headers["exception"].to().unwrap();
    assert!(exception.contains(reason), "{exception}");
    let error = held.outcome.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.to_string(), exception);
    assert_same(&raw_update, &update());
    filter
}

#[test]
fn a_refusal_holds_the_result_back_and_the_instance_goes_on() {
    let filter = misbehaving(r#"{"refuse": "three\nsteps"}"#);
    let filter = assert_held_back(filter, Code::Refused, "refused: three\\nsteps");
    assert_held_back(filter, Code::Refused, "refused: three");
}

#[test]
fn a_typed_error_holds_the_result_back_and_the_instance_goes_on() {
    let filter =
        assert_held_back(misbehaving(r#"{"fail": "broken"}"#), Code::InvalidInput, "invalid data: broken");
    assert_held_back(filter, Code::InvalidInput, "broken");
}

#[test]
pub fn a_trap_holds_the_result_back_and_ends_the_instance() {
    for deed in [r#""panic""#, r#""zero-then-panic""#, r#""recurse""#] {
        let mut filter = assert_held_back(misbehaving(deed), Code::ComponentFailed, "trapped");
        assert!(matches!(filter.filter(update(), &context()), Err(Error::Poisoned { .. })));
        assert_held_back(filter, Code::ComponentFailed, "make a new instance");
    }
}

#[test]
fn a_limit_holds_the_result_back_and_ends_the_instance() {
    let limits = Limits { call_time: Duration::from_millis(200), ..Limits::default() };
    let filter = misbehaving_within(r#""loop""#, limits);
    let filter = assert_held_back(filter, Code::ComponentFailed, "limit call-time reached: 200ms allowed");
    assert_held_back(filter, Code::ComponentFailed, "make a new instance");
}

#[test]
fn the_panic_of_a_component_is_in_the_sites_log() {
    let log = Arc::new(RecordedLog::default());
    let component = misbehaving_filter();
    let mut filter = component.instance().args(r#"{"deed": "panic"}"#).log(log.clone()).build().unwrap();
    assert!(matches!(filter.filter(update(), &context()), Err(Error::Trapped { .. })));
    assert!(log.lines().iter().any(|(_, line)| line.contains("on purpose")), "{:?}", log.lines());
}

#[test]
fn what_is_not_ok_or_no_dxo_passes_by() {
    let mut filter = misbehaving(r#""panic""#);
    let failed = Shareable { return_code: ReturnCode::ExecutionException, ..Shareable::ok(update()) };
    let passed = filter.filter_result(failed, &context());
    assert_eq!(passed.reply.return_code, ReturnCode::ExecutionException);
    assert_same(passed.reply.dxo.as_ref().unwrap(), &update());
    assert!(passed.outcome.unwrap().is_empty());

    let without = Shareable { dxo: None, ..Shareable::ok(update()) };
    let passed = filter.filter_result(without, &context());
    assert_eq!(passed.reply.return_code, ReturnCode::Ok);
    assert!(passed.reply.dxo.is_none() && passed.outcome.unwrap().is_empty());
}

#[test]
fn a_result_that_leaves_keeps_its_headers() {
    let mut result = Shareable::ok(update());
    result.headers.insert("round".to_owned(), raw("3"));
    let filtered = misbehaving(r#""zero""#).filter_result(result, &context());
    assert_eq!(filtered.reply.return_code, ReturnCode::Ok);
    assert_eq!(filtered.reply.headers["round"].text(), "3");
    assert_eq!(history(filtered.reply.dxo.as_ref().unwrap()).unwrap(), ["MisbehavingFilter"]);
}

#[test]
fn a_clone_made_before_keeps_the_raw_data() {
    for deed in [r#""zero""#, r#""zero-half""#, r#""zero-then-panic""#, r#""replace-backwards""#] {
        let (given, kept) = (update(), update());
        let clone = given.clone();
        let filtered = misbehaving(deed).filter(given, &context());
        assert_same(&clone, &kept);
        if let Ok(filtered) = filtered {
            assert!(difference(&filtered.dxo, &kept).is_some(), "{deed}");
        }
    }
}

#[test]
fn a_filter_that_is_off_leaves_every_bit() {
    let mut filter = percentile_privacy().instance().args(r#"{"off": true, "gamma": -1}"#).build().unwrap();
    let filtered = filter.filter(update(), &context()).unwrap();
    assert_eq!(filtered.leaves[0].outcome, Outcome::Unchanged("the filter is off".to_owned()));
    assert_eq!(history(&filtered.dxo).unwrap(), ["PercentilePrivacy"]);
    assert_same(&filtered.dxo, &update());
}

#[test]
fn args_outside_their_range_refuse_and_do_not_let_the_raw_update_out() {
    for args in [
        r#"{"gamma": 0}"#,
        r#"{"gamma": -0.01}"#,
        r#"{"percentile": -1}"#,
        r#"{"percentile": 100.5}"#,
        r#"{"percentile": -1e-300}"#,
    ] {
        let mut filter = percentile_privacy().instance().args(args).build().unwrap();
        let refused = filter.filter(update(), &context());
        assert!(matches!(refused, Err(Error::Refused { .. })), "{args}: {refused:?}");
    }
}

#[test]
fn steps_that_are_no_number_of_steps_are_refused() {
    let mut filter = percentile_privacy().instance().build().unwrap();
    for steps in ["0", "-1", "-0.0", "1e-400"] {
        let mut dxo = update();
        dxo.meta.insert(STEPS.to_owned(), raw(steps));
        let refused = filter.filter(dxo, &context());
        assert!(matches!(refused, Err(Error::Refused { .. })), "{steps}: {refused:?}");
    }
    for steps in ["\"4\"", "true", "[1]"] {
        let mut dxo = update();
        dxo.meta.insert(STEPS.to_owned(), raw(steps));
        let failed = filter.filter(dxo, &context());
        assert!(matches!(failed, Err(Error::Failed { .. })), "{steps}: {failed:?}");
    }
}

#[test]
fn args_that_do_not_fit_are_told_when_it_is_configured() {
    for (args, named) in [
        (r#"{"percentil": 10}"#, "percentil"),
        (r#"{"percentile": "10"}"#, "string"),
        (r#"{"off": 1}"#, "boolean"),
        (r#"{"gamma": null}"#, "f64"),
        (r#"{"data_kinds": "WEIGHTS"}"#, "sequence"),
        (r#"{"data_kinds": ["METRICS"]}"#, "WEIGHT_DIFF"),
        (r#"{"data_kinds": ["weights"]}"#, "weights"),
        (r#"{"gamma": 1e999}"#, "number"),
        ("[]", "not a JSON object"),
        ("[10, 0.01]", "not a JSON object"),
        ("1", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{", "EOF"),
        ("", "not a JSON object"),
        (r#"{"gamma": 1, "gamma": 2}"#, "duplicate"),
    ] {
        match percentile_privacy().instance().args(args).build() {
            Err(error @ Error::Args { .. }) => {
                assert_eq!(error.code(), Code::Usage);
                assert!(error.to_string().contains(named), "{args}: {error}");
            }
            Err(error) => panic!("{args}: {error:?}"),
            Ok(_) => panic!("{args}: accepted"),
        }
    }
}

#[test]
fn a_component_sees_the_context_of_its_run() {
    let filtered = misbehaving(r#""show-context""#).filter(update(), &context()).unwrap();
    let shown = "job-1 site-1 Some(\"3\") false false";
    assert_eq!(filtered.leaves[0].outcome, Outcome::Unchanged(shown.to_owned()));
}

#[test]
fn an_aborted_run_lets_nothing_out() {
    let context = context();
    context.abort.trigger();
    let mut filter = percentile_privacy().instance().build().unwrap();
    let held = filter.filter_result(Shareable::ok(update()), &context);
    assert!(held.reply.dxo.is_none());
    assert!(held.outcome.unwrap_err().to_string().contains("aborted"));
}

#[test]
pub fn what_a_filter_says_that_it_left_as_it_was_is_as_it_was() {
    for deed in [r#""zero-and-deny""#, r#""swap-and-deny""#, r#""tag-and-deny""#] {
        let error = misbehaving(deed).filter(twins(), &context()).unwrap_err();
        assert!(error.to_string().contains("it says that it changed nothing"), "{deed}: {error}");
    }
    // What an earlier filter has written is nothing that this one has changed.
    let filtered = misbehaving(r#""zero-half""#).filter(twins(), &context()).unwrap();
    let again = misbehaving(r#"{"unchanged": "off"}"#).filter(filtered.dxo, &context()).unwrap();
    assert_eq!(again.leaves[0].outcome, Outcome::Unchanged("off".to_owned()));
}

#[test]
fn what_was_given_earlier_is_not_what_is_given_now() {
    let of = |number: f32| {
        Dxo::of_tensors(DataKind::WeightDiff, [("a".to_owned(), float32(&[2], &[number; 2]))]).unwrap()
    };
    let mut filter = misbehaving(r#""replay-and-deny""#);
    filter.filter(of(1.0), &context()).unwrap();
    let error = filter.filter(of(2.0), &context()).unwrap_err();
    assert!(error.to_string().contains("it says that it changed nothing"), "{error}");
}
