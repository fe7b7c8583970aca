//! What every verb that runs components needs: a runtime with its cache, and an end in order.

use std::num::NonZero;

use flip_runtime::{AbortSignal, Compiler, Error, Limits, Runtime, RuntimeBuilder};

use crate::args::Global;

/// A runtime with these limits.
pub fn runtime(global: &Global, limits: Limits) -> Result<Runtime, Error> {
    build(Runtime::builder(), global, limits)
}

/// The same for one component, and one more on each core to share its work: `filter` on a kilobyte takes a quarter
/// less time than with places for a whole job.
pub fn runtime_for_one(global: &Global, limits: Limits) -> Result<Runtime, Error> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let instances = u32::try_from(cores).unwrap_or(u32::MAX).saturating_add(2);
    build(Runtime::builder().instances(instances), global, limits)
}

fn build(builder: RuntimeBuilder, global: &Global, limits: Limits) -> Result<Runtime, Error> {
    let runtime = builder.limits(limits).compiler(Compiler::this_program()?);
    match &global.cache {
        Some(cache) => runtime.cache(cache).build(),
        None => runtime.user_cache().build(),
    }
}

/// The first signal to end ends the run in order, which leaves no file behind; the second the process.
pub fn end_in_order(abort: &AbortSignal) {
    let abort = abort.clone();
    let interrupts = ctrlc::set_handler(move || match abort.is_triggered() {
        false => abort.trigger(),
        true => std::process::exit(130),
    });
    if let Err(error) = interrupts {
        tracing::debug!("an interrupt will end the process at once: {error}");
    }
}
