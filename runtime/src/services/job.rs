//! What does the work behind the interfaces `events` and `peers`: the job that a component is part of.

use std::sync::Arc;
use std::time::Instant;

use crate::bindings::flip::fl::types;
use crate::context::FlContext;
use crate::error::Error;
use crate::services::ServiceError;

/// Who calls into the job. Components of it are entered in their own time, whatever is left of the caller's.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The component's id in the job's configuration.
    pub id: &'a str,
    /// The context of the call under way.
    pub context: &'a Arc<FlContext>,
    /// When the caller's own time is up. Components do not end with it; an embedder's own work may.
    pub deadline: Instant,
}

/// NVFLARE's events within a job.
pub trait Events: Send + Sync {
    /// Delivers an event to every other component now, and to components that are on the call stack
    /// after they have returned.
    fn fire(&self, event_type: &str, caller: Caller<'_>);

    /// Ends the run as a fatal system error.
    fn system_panic(&self, reason: &str, caller: Caller<'_>);
}

/// Why a component cannot be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// The job has no component of this id.
    NotFound,
    /// It has not the role; says what it is.
    WrongRole(String),
}

/// The other components of a job, each through the role that the caller needs.
pub trait Peers: Send + Sync {
    /// A component that gathers results.
    fn results_generator(&self, id: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError>;
    /// A component that uploads results.
    fn results_persistor(&self, id: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError>;
    /// What the engine keeps the model with.
    fn model_persistor(&self, id: &str) -> Result<Arc<dyn ModelPersistor>, LookupError>;
}

/// A component that gathers the results of validation or evaluation tasks.
pub trait ResultsGenerator: Send + Sync {
    /// Handles one event of the evaluation.
    fn handle_evaluation_event(&self, event_type: &str, caller: Caller<'_>) -> Result<(), Error>;
    /// Whether every evaluation task failed and none produced metrics.
    fn all_tasks_failed(&self, caller: Caller<'_>) -> Result<bool, Error>;
}

/// A component that brings results to safety.
pub trait ResultsPersistor: Send + Sync {
    /// Uploads, then cleans up.
    fn execute(&self, caller: Caller<'_>) -> Result<(), Error>;
}

/// What the engine keeps the model with.
pub trait ModelPersistor: Send + Sync {
    /// The file name and the location of each model.
    fn model_inventory(&self, context: &FlContext) -> Result<Vec<(String, String)>, Error>;
}

impl Error {
    /// What a component that called another one is told.
    pub(crate) fn into_answer(self) -> types::Error {
        match self {
            Self::Failed { error, .. } => error.0,
            Self::Service(ServiceError::Unavailable(text)) => types::Error::Unavailable(text),
            other => types::Error::Unavailable(other.to_string()),
        }
    }
}
