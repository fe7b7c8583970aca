//! What the Python filters made of recorded inputs.

use base64::prelude::{BASE64_STANDARD, Engine};
use flip_runtime::{DataKind, Dtype, Dxo, Tensor};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::{STEPS, fixture};

/// One call of a filter.
#[derive(Clone, Debug)]
pub struct FilterCase {
    /// The filter's class.
    pub class: String,
    /// Its args, as JSON text.
    pub args: String,
    /// What it was given; the meta holds the steps, and the stages where there are any.
    pub input: Dxo,
    /// What it made of it.
    pub output: Dxo,
}

/// The recorded calls, in their order.
pub fn filter_cases() -> Vec<FilterCase> {
    let text = std::fs::read(fixture("filter_vectors.json")).unwrap();
    let vectors: Vectors = serde_json::from_slice(&text).unwrap();
    vectors.cases.into_iter().map(FilterCase::from).collect()
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    class: String,
    percentile: f64,
    gamma: f64,
    num_steps: u64,
    stage: Option<serde_json::Value>,
    input: IndexMap<String, Array>,
    output: IndexMap<String, Array>,
}

#[derive(Deserialize)]
struct Array {
    dtype: String,
    shape: Vec<u64>,
    b64: String,
}

impl From<Recorded> for FilterCase {
    fn from(recorded: Recorded) -> Self {
        let mut input = dxo(recorded.input);
        input.set_meta(STEPS, &recorded.num_steps).unwrap();
        if let Some(stage) = &recorded.stage {
            input.set_meta("stage", stage).unwrap();
        }
        let args = serde_json::json!({ "percentile": recorded.percentile, "gamma": recorded.gamma });
        Self { class: recorded.class, args: args.to_string(), input, output: dxo(recorded.output) }
    }
}

fn dxo(arrays: IndexMap<String, Array>) -> Dxo {
    let tensors = arrays.into_iter().map(|(name, array)| (name, array.tensor()));
    Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap()
}

impl Array {
    fn tensor(&self) -> Tensor {
        let dtype = match &*self.dtype {
            "<f2" => Dtype::Float16,
            "<f4" => Dtype::Float32,
            "<f8" => Dtype::Float64,
            "<i8" => Dtype::Int64,
            other => panic!("dtype {other}"),
        };
        Tensor::new(dtype, &self.shape, BASE64_STANDARD.decode(&self.b64).unwrap()).unwrap()
    }
}
