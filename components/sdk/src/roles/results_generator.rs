//! Generators of results.

use super::{Exported, with};
use crate::{Configurable, Error, FlContext};

/// Gathers the results of validation or evaluation tasks.
pub trait ResultsGenerator: Configurable {
    /// Handles one event of the evaluation.
    ///
    /// # Errors
    ///
    /// The caller decides what becomes of it.
    fn handle_evaluation_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error>;

    /// Whether every evaluation task failed and none produced metrics.
    fn all_tasks_failed(&self) -> bool;
}

impl<E: Exported<Component: ResultsGenerator>> bindings::exports::flip::fl::results_generator::Guest for E {
    fn handle_evaluation_event(event_type: String, ctx: &FlContext) -> Result<(), Error> {
        with::<E, _>(|generator| generator.handle_evaluation_event(&event_type, ctx))
    }

    fn all_tasks_failed() -> bool {
        with::<E, _>(|generator| Ok(generator.all_tasks_failed())).unwrap_or_default()
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
        inline: "package flip:sdk; world results-generator { export flip:fl/results-generator@0.1.0; }",
        world: "flip:sdk/results-generator",
        with: {
            "flip:fl/types@0.1.0": crate::bindings::flip::fl::types,
            "flip:fl/tensors@0.1.0": crate::bindings::flip::fl::tensors,
            "flip:fl/exchange@0.1.0": crate::bindings::flip::fl::exchange,
            "flip:fl/context@0.1.0": crate::bindings::flip::fl::context,
        },
        pub_export_macro: true,
        export_macro_name: "export_role",
        default_bindings_module: "flip_sdk::roles::results_generator::bindings",
    });
}
