//! Where and for whom a component runs.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::exchange::Shareable;
use crate::json::Json;
use indexmap::IndexMap;
use tokio::sync::Notify;

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
pub struct AbortSignal(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    triggered: OnceLock<Instant>,
    /// Those that wait for it.
    waiting: Notify,
}

impl AbortSignal {
    /// Tells everything that holds this signal to end.
    pub fn trigger(&self) {
        self.0.triggered.get_or_init(Instant::now);
        self.0.waiting.notify_waiters();
    }

    /// Whether it was triggered.
    pub fn is_triggered(&self) -> bool {
        self.triggered().is_some()
    }

    /// Waits until it was triggered, or was before, and so long besides.
    pub(crate) async fn was_triggered_for(&self, time: Duration) {
        let mut waits = pin!(self.0.waiting.notified());
        // Who triggers it from now on wakes this one.
        waits.as_mut().enable();
        if !self.is_triggered() {
            waits.await;
        }
        tokio::time::sleep(time).await;
    }

    /// Whether the other is a clone of it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// When it was triggered first.
    pub(crate) fn triggered(&self) -> Option<Instant> {
        self.0.triggered.get().copied()
    }
}
