//! What the end-to-end tests share: guests, recorded data, and comparisons of bits.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod compare;
mod dead_disk;
mod failing;
mod files;
#[path = "../hostile/mod.rs"]
pub mod hostile;
pub mod job;
mod limits;
mod paced;
mod places;
pub mod servers;
mod site;
mod slow;
mod test_host;
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use flip_runtime::{Component, DataKind, Dtype, Dxo, FlContext, Instance, Json, Limits, Runtime, Tensor};

pub use compare::{assert_same, difference};
pub use dead_disk::DeadDisk;
pub use failing::{Fails, Gate};
pub use files::{safetensors_bytes, write_safetensors};
pub use limits::{assert_ends_at, assert_fresh_one_works, assert_limit, assert_told, short_calls, spent};
pub use paced::{Pace, Paced};
pub use places::{Server, ServerConfig};
pub use site::{ERRAND, EVERYTHING, RESHAPING, Site, errand, errand_file, granted, lines, on_go};
pub use slow::slow_to_compile;
pub use test_host::{calls, test_host, told, told_in};
pub use vectors::{FilterCase, filter_cases};

/// A filter that does what its args say; see its source for the deeds.
pub const MISBEHAVING_FILTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misbehaving-filter.wasm"));

/// A filter in phases that does what its args say; see its source for the deeds.
pub const MISBEHAVING_PHASES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misbehaving-phases.wasm"));

/// NVFLARE's meta key for the number of local training steps.
pub const STEPS: &str = "NUM_STEPS_CURRENT_ROUND";

/// A directory for compiled components. All test processes share it: compiling takes seconds.
pub fn cache() -> &'static Path {
    Path::new(concat!(env!("OUT_DIR"), "/cache"))
}

/// The runtime of this process.
pub fn runtime() -> Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::builder().cache(cache()).build().unwrap());
    RUNTIME.clone()
}

/// The built-in PercentilePrivacy, loaded once.
pub fn percentile_privacy() -> Component {
    static COMPONENT: LazyLock<Component> = LazyLock::new(|| runtime().load("percentile-privacy").unwrap());
    COMPONENT.clone()
}

/// The guest of [`MISBEHAVING_FILTER`], loaded once.
pub fn misbehaving_filter() -> Component {
    static COMPONENT: LazyLock<Component> =
        LazyLock::new(|| runtime().load_bytes("MisbehavingFilter", MISBEHAVING_FILTER).unwrap());
    COMPONENT.clone()
}

/// The guest of [`MISBEHAVING_PHASES`], loaded once.
pub fn misbehaving_phases() -> Component {
    static COMPONENT: LazyLock<Component> =
        LazyLock::new(|| runtime().load_bytes("MisbehavingPhases", MISBEHAVING_PHASES).unwrap());
    COMPONENT.clone()
}

/// An instance of the misbehaving filter. `deed` is JSON: `"zero"`, or `{"refuse": "too late"}`.
#[track_caller]
pub fn misbehaving(deed: &str) -> Instance {
    misbehaving_within(deed, Limits::default())
}

/// The same, within these limits; it may add and reshape tensors.
#[track_caller]
pub fn misbehaving_within(deed: &str, limits: Limits) -> Instance {
    let args = format!(r#"{{"deed": {deed}}}"#);
    misbehaving_filter().instance().args(args).grants(granted(RESHAPING)).limits(limits).build().unwrap()
}

/// The context of a site in a job.
pub fn context() -> Arc<FlContext> {
    Arc::new(FlContext {
        job_id: "job-1".to_owned(),
        identity: "site-1".to_owned(),
        props: [("round".to_owned(), raw("3"))].into_iter().collect(),
        ..FlContext::default()
    })
}

/// The JSON text as a value.
pub fn raw(json: &str) -> Json {
    Json::parse(json).unwrap()
}

/// A float32 tensor of these values.
pub fn float32(shape: &[u64], values: &[f32]) -> Tensor {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor::new(Dtype::Float32, shape, bytes).unwrap()
}

/// The values of a float32 tensor.
pub fn values(tensor: &Tensor) -> Vec<f32> {
    assert_eq!(tensor.dtype(), Dtype::Float32);
    let bytes = tensor.to_bytes().unwrap();
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

/// A dxo of kind WEIGHT_DIFF with the tensors `a` (four elements) and `b` (two).
pub fn update() -> Dxo {
    update_of(DataKind::WeightDiff)
}

/// The same of another kind that holds tensors.
pub fn update_of(kind: DataKind) -> Dxo {
    let tensors = [
        ("a".to_owned(), float32(&[2, 2], &[0.5, -1.0, 2.0, -4.0])),
        ("b".to_owned(), float32(&[2], &[0.25, 8.0])),
    ];
    Dxo::of_tensors(kind, tensors).unwrap()
}

/// A dxo of two tensors of the same shape, whose values differ.
pub fn twins() -> Dxo {
    let tensor = |number: f32| float32(&[2], &[number, number]);
    let tensors = [("a".to_owned(), tensor(1.0)), ("b".to_owned(), tensor(2.0))];
    Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap()
}

/// The path of a recorded file.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}
