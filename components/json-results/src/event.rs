//! The events that make up a results file.

/// An event that a generator acts upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A run starts: nothing is known of it yet.
    StartRun,
    /// The result of a validation or evaluation task is there.
    ResultReceived,
    /// The run ends: the results are written.
    EndRun,
}

impl Event {
    /// The event of this type; none where it is another one.
    pub fn of_type(event_type: &str) -> Option<Self> {
        match event_type {
            "_start_run" => Some(Self::StartRun),
            "_validation_result_received" => Some(Self::ResultReceived),
            "_end_run" => Some(Self::EndRun),
            _ => None,
        }
    }
}
