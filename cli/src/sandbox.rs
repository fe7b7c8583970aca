//! What every verb that runs components needs: a runtime with its cache, and an end in order.

use std::path::PathBuf;

use flip_runtime::{AbortSignal, Compiler, Error, Limits, Runtime, RuntimeBuilder};

use crate::args::Global;

/// The verb by which this program compiles for itself.
pub const COMPILE_WORKER: &str = "compile-worker";

/// A runtime with these limits.
pub fn runtime(global: &Global, limits: Limits) -> Result<Runtime, Error> {
    let program = std::env::current_exe().map_err(|error| Error::Setup(error.to_string()))?;
    let compiler = Compiler::Process { program, args: vec![COMPILE_WORKER.into()] };
    let runtime = Runtime::builder().limits(limits).compiler(compiler);
    caches(global).into_iter().fold(runtime, RuntimeBuilder::cache).build()
}

/// Directories for compiled components: the one given; or the user's, and one among the temporary files for
/// a user whose home cannot be written to.
fn caches(global: &Global) -> Vec<PathBuf> {
    if let Some(cache) = &global.cache {
        return vec![cache.clone()];
    }
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let user = base.or_else(|| Some(std::env::home_dir()?.join(".cache"))).map(|base| base.join("flip-wasm"));
    let name = format!("flip-wasm-{}", std::env::var("USER").unwrap_or_default());
    user.into_iter().chain([std::env::temp_dir().join(name)]).collect()
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
