//! A hub that is watched: which statuses were reported goes into the job's report.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::host::call::caught;
use crate::host::log::one_line;
use crate::services::{Call, Hub, HubMessage, ServiceError};

/// The most statuses that are remembered.
const MAX_STATUSES: usize = 1_000;

/// The longest id that is remembered whole, in bytes.
const MAX_ID: usize = 100;

/// Passes everything on, and remembers the statuses.
pub struct WatchedHub {
    hub: Option<Arc<dyn Hub>>,
    statuses: Mutex<Vec<ReportedStatus>>,
}

/// A status that a component reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReportedStatus {
    /// The model.
    pub model_id: String,
    /// FLIP's name of the status.
    pub status: &'static str,
    /// Why the hub did not get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl WatchedHub {
    /// Watches `hub`; without one, nothing is sent.
    pub fn new(hub: Option<Arc<dyn Hub>>) -> Self {
        Self { hub, statuses: Mutex::default() }
    }

    /// The statuses so far.
    pub fn statuses(&self) -> Vec<ReportedStatus> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Hub for WatchedHub {
    fn send(&self, call: &Call, message: &HubMessage) -> Result<(), ServiceError> {
        let result = match &self.hub {
            // Also what a hub panicked on was not reported.
            Some(hub) => caught(|| hub.send(call, message)).flatten(),
            None => message.request().and_then(|_| call.check()),
        };
        let HubMessage::Status { model_id, status } = message else { return result };
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if statuses.len() < MAX_STATUSES {
            statuses.push(ReportedStatus {
                model_id: one_line(model_id, MAX_ID),
                status: status.name(),
                error: result.as_ref().err().map(ToString::to_string),
            });
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::context::AbortSignal;
    use crate::services::ModelStatus;

    #[test]
    fn an_id_of_any_length_is_remembered_in_short() {
        let hub = WatchedHub::new(None);
        let call = Call::new(Instant::now() + Duration::from_secs(60), AbortSignal::default());
        let message = HubMessage::Status { model_id: "x".repeat(1 << 20), status: ModelStatus::Error };
        hub.send(&call, &message).unwrap_err();
        assert!(hub.statuses()[0].model_id.len() <= MAX_ID);
    }
}
