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

bindings!("package flip:sdk; world results-generator { export flip:fl/results-generator@0.1.0; }");
