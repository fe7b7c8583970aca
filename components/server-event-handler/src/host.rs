//! What the handler needs of its host.

use flip_sdk::peers::LookupError;
use flip_sdk::{Error, ModelStatus};

/// The hub, the log, and the components that the handler works with.
pub trait Host {
    /// What an event is about.
    type Context;
    /// The results generator.
    type Generator;
    /// The results persistor.
    type Persistor;

    /// Tells the hub the status of a model; `model_id` need not be one.
    ///
    /// # Errors
    ///
    /// The hub could not be told.
    fn update_status(&self, model_id: &str, status: ModelStatus) -> Result<(), Error>;

    /// Looks up the results generator of this id.
    ///
    /// # Errors
    ///
    /// The id does not lead to one.
    fn results_generator(&self, id: &str) -> Result<Self::Generator, LookupError>;

    /// Looks up the results persistor of this id.
    ///
    /// # Errors
    ///
    /// The id does not lead to one.
    fn results_persistor(&self, id: &str) -> Result<Self::Persistor, LookupError>;

    /// Lets the generator handle an event.
    ///
    /// # Errors
    ///
    /// Those of the generator.
    fn generate(
        &self,
        generator: &Self::Generator,
        event_type: &str,
        ctx: &Self::Context,
    ) -> Result<(), Error>;

    /// Whether every evaluation task failed.
    fn all_tasks_failed(&self, generator: &Self::Generator) -> bool;

    /// Lets the persistor bring the results to safety.
    ///
    /// # Errors
    ///
    /// Those of the persistor.
    fn persist(&self, persistor: &Self::Persistor, ctx: &Self::Context) -> Result<(), Error>;

    /// Ends the run.
    fn system_panic(&self, reason: &str);

    /// A line about ordinary work.
    fn info(&self, line: &str);

    /// A line about something that failed.
    fn error(&self, line: &str);
}
