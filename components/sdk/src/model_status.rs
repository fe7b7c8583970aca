//! FLIP's names of the statuses of a model.

use crate::ModelStatus;

impl ModelStatus {
    /// The hub's name, such as `TRAINING_STARTED`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Initiated => "INITIATED",
            Self::Prepared => "PREPARED",
            Self::TrainingStarted => "TRAINING_STARTED",
            Self::ResultsUploaded => "RESULTS_UPLOADED",
            Self::Error => "ERROR",
            Self::Stopped => "STOPPED",
        }
    }
}
