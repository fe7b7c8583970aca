//! Filters an update as a site's policy has it: `cargo run --package flip-runtime --example embed`.

use std::error::Error;
use std::sync::Arc;

use flip_runtime::{Compiler, DataKind, Dtype, Dxo, FlContext, Policy, Runtime, Source, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    // Components that nobody has reviewed are compiled by this program, started once more within bounds.
    flip_runtime::compile_worker_if_asked();

    // What the site's operator grants. A policy of one's own is read with `Policy::read`.
    let policy: Policy = "
        [components.PercentilePrivacy]
        limits = { memory = '32MiB', call-time = '10s' }
    "
    .parse()?;

    let runtime = Runtime::builder().compiler(Compiler::this_program()?).build()?; // one for a whole process
    let source = Source::of("percentile-privacy")?; // or the path of any component's .wasm
    let admitted = runtime.admit(&source, "privacy", &policy, None)?;
    let mut filter = admitted.instance().args(r#"{"percentile": 50, "gamma": 0.25}"#).build()?;

    let elements: Vec<u8> = [0.01_f32, -0.1, 0.2, -4.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let tensor = Tensor::new(Dtype::Float32, &[2, 2], elements)?;
    let update = Dxo::of_tensors(DataKind::WeightDiff, [("layer.weight".to_owned(), tensor)])
        .ok_or("this kind holds no tensors")?;
    let context =
        FlContext { job_id: "job-1".to_owned(), identity: "site-1".to_owned(), ..FlContext::default() };

    match filter.filter(update, &Arc::new(context)) {
        Ok(filtered) => println!("may leave: {:?}", filtered.leaves),
        Err(error) => println!("nothing leaves: {error}"), // `error.code()` says whose fault it was
    }
    Ok(())
}
