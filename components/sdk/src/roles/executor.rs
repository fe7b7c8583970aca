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

#[doc(hidden)]
#[allow(
    unsafe_code,
    missing_docs,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "generated"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package flip:sdk; world executor { export flip:fl/executor@0.1.0; }",
        world: "flip:sdk/executor",
        with: {
            "flip:fl/types@0.1.0": crate::bindings::flip::fl::types,
            "flip:fl/tensors@0.1.0": crate::bindings::flip::fl::tensors,
            "flip:fl/exchange@0.1.0": crate::bindings::flip::fl::exchange,
            "flip:fl/context@0.1.0": crate::bindings::flip::fl::context,
        },
        pub_export_macro: true,
        export_macro_name: "export_role",
        default_bindings_module: "flip_sdk::roles::executor::bindings",
    });
}
