//! StagePercentilePrivacy: which tensors belong to a stage, and what becomes of the others.

use std::sync::Arc;

use flip_runtime::{DataKind, Dxo, Error, Filtered, Outcome, RecordedLog};
use flip_wasm_tests::{context, float32, runtime, values};

/// Filters tensors of these names, each [1, 2, 3, 4], with these stages.
fn filter(names: &[&str], stages: Option<&str>, args: &str) -> (Result<Filtered, Error>, Vec<String>) {
    let tensors = names.iter().map(|name| ((*name).to_owned(), float32(&[4], &[1.0, 2.0, 3.0, 4.0])));
    let mut dxo = Dxo::of_tensors(DataKind::Weights, tensors).unwrap();
    if let Some(stages) = stages {
        dxo.set_meta("stage", &serde_json::from_str::<serde_json::Value>(stages).unwrap()).unwrap();
    }
    let log = Arc::new(RecordedLog::default());
    let component = runtime().load("stage-percentile-privacy").unwrap();
    let mut filter = component.instance().args(args).log(log.clone()).build().unwrap();
    let filtered = filter.filter(dxo, &context());
    (filtered, log.lines().into_iter().map(|(_, line)| line).collect())
}

const ARGS: &str = r#"{"percentile": 50, "gamma": 3}"#;
const UNTOUCHED: [f32; 4] = [1.0, 2.0, 3.0, 4.0];
const TRUNCATED: [f32; 4] = [0.0, 0.0, 3.0, 3.0];

#[test]
fn a_stage_covers_whole_first_parts_of_names() {
    let names = ["encoder.layer1.weight", "encoder", "encoders.weight", "dec.encoder", "enc.weight"];
    for stages in [r#"["encoder"]"#, r#"[["encoder"]]"#] {
        let dxo = filter(&names, Some(stages), ARGS).0.unwrap().dxo;
        let tensors = dxo.tensors().unwrap();
        for (index, name) in names.iter().enumerate() {
            let expected = if index < 2 { TRUNCATED } else { UNTOUCHED };
            assert_eq!(values(&tensors[*name]), expected, "{name} of {stages}");
        }
    }
}

#[test]
fn each_stage_has_a_cutoff_of_its_own_in_the_report() {
    let (filtered, _) = filter(&["a.x", "b.x", "c.x"], Some(r#"["a", ["b", "c"]]"#), ARGS);
    let leaf = &filtered.unwrap().leaves[0];
    assert_eq!(leaf.outcome, Outcome::Filtered);
    assert_eq!((leaf.gauges["stage a: cutoff"], leaf.gauges["stage b+c: cutoff"]), (2.5, 2.5));
}

#[test]
fn a_stage_that_matches_nothing_is_logged_and_skipped() {
    let (filtered, log) = filter(&["a.x"], Some(r#"["z", "a"]"#), ARGS);
    assert_eq!(values(&filtered.unwrap().dxo.tensors().unwrap()["a.x"]), TRUNCATED);
    assert_eq!(log[0], "stage z is skipped: there are no tensors");
    let (filtered, _) = filter(&["a.x"], Some(r#"["z"]"#), ARGS);
    let leaf = &filtered.unwrap().leaves[0];
    assert_eq!(leaf.outcome, Outcome::Unchanged("no stage has elements".to_owned()));
}

#[test]
fn without_stages_nothing_changes() {
    let (filtered, _) = filter(&["a.x"], None, ARGS);
    let filtered = filtered.unwrap();
    assert!(matches!(filtered.leaves[0].outcome, Outcome::Unchanged(_)));
    assert_eq!(values(&filtered.dxo.tensors().unwrap()["a.x"]), UNTOUCHED);
}

#[test]
fn settings_without_sense_are_refused_whatever_the_stages() {
    for stages in [None, Some("[]"), Some(r#"["z"]"#), Some(r#"["a"]"#)] {
        let error = filter(&["a.x"], stages, r#"{"gamma": 0}"#).0.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{stages:?}: {error}");
    }
}

#[test]
fn stages_that_are_none_let_nothing_out() {
    for stages in [r#""a""#, "{}", "[1]", r#"[["a", 1]]"#] {
        assert!(filter(&["a.x"], Some(stages), ARGS).0.is_err(), "{stages}");
    }
}
