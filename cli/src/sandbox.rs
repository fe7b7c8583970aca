//! What every verb that runs components needs: a runtime with its cache, and an end in order.

use flip_runtime::{AbortSignal, Compiler, Error, Limits, Runtime};

use crate::args::Global;

/// A runtime with these limits.
pub fn runtime(global: &Global, limits: Limits) -> Result<Runtime, Error> {
    let runtime = Runtime::builder().limits(limits).compiler(Compiler::this_program()?);
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
