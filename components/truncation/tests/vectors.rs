//! Outputs of the Python filters, recorded with NumPy, bit for bit.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use truncation::{Array, Dtype, Outcome, Settings, Tensor, truncate};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/filter_vectors.json");

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    class: String,
    percentile: f64,
    gamma: f64,
    num_steps: f64,
    stage: Option<Vec<Stage>>,
    input: HashMap<String, Recorded>,
    output: HashMap<String, Recorded>,
}

/// First parts of the names of tensors that are truncated together.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stage {
    One(String),
    Several(Vec<String>),
}

impl Stage {
    fn covers(&self, name: &str) -> bool {
        let first = name.split('.').next().unwrap();
        match self {
            Self::One(part) => part == first,
            Self::Several(parts) => parts.iter().any(|part| part == first),
        }
    }
}

#[derive(Deserialize)]
struct Recorded {
    dtype: String,
    shape: Vec<u64>,
    b64: String,
}

impl Recorded {
    fn array(&self) -> Array {
        let dtype = match self.dtype.as_str() {
            "<f2" => Dtype::Float16,
            "<f4" => Dtype::Float32,
            "<f8" => Dtype::Float64,
            "<i8" => Dtype::Int64,
            other => panic!("{other}"),
        };
        Array::new(dtype, self.shape.clone(), BASE64_STANDARD.decode(&self.b64).unwrap()).unwrap()
    }
}

#[test]
fn every_recorded_case() {
    let vectors: Vectors = serde_json::from_slice(&std::fs::read(VECTORS).unwrap()).unwrap();
    assert_eq!(vectors.cases.len(), 100);
    for (number, case) in vectors.cases.iter().enumerate() {
        let settings = Settings { percentile: case.percentile, gamma: case.gamma, steps: case.num_steps };
        let groups: Vec<Vec<&String>> = match (case.class.as_str(), &case.stage) {
            ("PercentilePrivacy", None) => vec![case.input.keys().collect()],
            ("StagePercentilePrivacy", Some(stages)) => stages
                .iter()
                .map(|stage| case.input.keys().filter(|name| stage.covers(name)).collect())
                .collect(),
            (class, _) => panic!("{class}"),
        };
        let mut arrays: HashMap<&String, Array> =
            case.input.iter().map(|(name, recorded)| (name, recorded.array())).collect();
        for names in groups {
            let mut tensors: Vec<Array> = names.iter().map(|name| arrays[name].clone()).collect();
            let outcome = truncate(&mut tensors, &settings).unwrap();
            assert_eq!(matches!(outcome, Outcome::Truncated(_)), !names.is_empty());
            arrays.extend(names.into_iter().zip(tensors));
        }
        assert_eq!(arrays.len(), case.output.len());
        for (name, array) in arrays {
            let wanted = case.output[name].array();
            assert_eq!(array.dtype(), wanted.dtype(), "case {number}, {name}");
            assert_eq!(array.bytes(), wanted.bytes(), "case {number}, {name}");
        }
    }
}
