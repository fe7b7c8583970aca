//! Where and for whom a component runs.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::exchange::Shareable;
use crate::json::Json;
use indexmap::IndexMap;

/// NVFLARE's `FLContext`, as far as a component may see it.
#[derive(Clone, Debug, Default)]
pub struct FlContext {
    /// The job that is running.
    pub job_id: String,
    /// The name of the site or server that the component runs at.
    pub identity: String,
    /// Who sent what is being handled.
    pub peer_identity: Option<String>,
    /// True on a developer's machine: nothing is deleted, uploaded or reported.
    pub local_dev: bool,
    /// Properties that are plain values.
    pub props: IndexMap<String, Json>,
    /// Properties that are shareables.
    pub shareables: IndexMap<String, Arc<Shareable>>,
    /// The run's abort signal.
    pub abort: AbortSignal,
}

/// Tells a run to end: its clones are one signal.
#[derive(Clone, Debug, Default)]
pub struct AbortSignal(Arc<OnceLock<Instant>>);

impl AbortSignal {
    /// Tells everything that holds this signal to end.
    pub fn trigger(&self) {
        self.0.get_or_init(Instant::now);
    }

    /// Whether it was triggered.
    pub fn is_triggered(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether the other is a clone of it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// When it was triggered first.
    pub(crate) fn triggered(&self) -> Option<Instant> {
        self.0.get().copied()
    }
}
