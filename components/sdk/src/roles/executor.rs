//! Executors of tasks.

use super::{Exported, with};
use crate::{Configurable, Error, FlContext, Reply, Shareable};

/// NVFLARE's `Executor`: carries out tasks at a site.
pub trait Executor: Configurable {
    /// Carries out one task.
    ///
    /// # Errors
    ///
    /// An error becomes a reply with the return code EXECUTION_EXCEPTION.
    fn execute(&mut self, task: &str, data: &Shareable, ctx: &FlContext) -> Result<Reply, Error>;
}

impl<E: Exported<Component: Executor>> bindings::exports::flip::fl::executor::Guest for E {
    fn execute(task: String, data: &Shareable, ctx: &FlContext) -> Result<Reply, Error> {
        with::<E, _>(|executor| executor.execute(&task, data, ctx))
    }
}

bindings!("package flip:sdk; world executor { export flip:fl/executor@0.1.0; }");
