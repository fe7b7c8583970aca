//! FLIP's names of the statuses of a model.

use crate::ModelStatus;

impl ModelStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Initiated,
        Self::Prepared,
        Self::TrainingStarted,
        Self::ResultsUploaded,
        Self::Error,
        Self::Stopped,
    ];

    /// The status that the hub calls so.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

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
