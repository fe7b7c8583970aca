//! How long a call may go on.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};

use crate::context::AbortSignal;
use crate::services::ServiceError;

/// How soon an abort signal is seen.
const ABORT_SEEN: Duration = Duration::from_millis(50);

/// How long a call may go on: to its deadline, or until the run is aborted.
#[derive(Clone, Debug)]
pub struct Call {
    deadline: Instant,
    abort: AbortSignal,
    /// The bytes that were sent.
    sent: Option<Arc<AtomicU64>>,
}

impl Call {
    /// A call that ends at `deadline`, or when `abort` is triggered.
    pub fn new(deadline: Instant, abort: AbortSignal) -> Self {
        Self { deadline, abort, sent: None }
    }

    /// The same call, which counts what is sent.
    pub(crate) fn counting(&self, sent: Arc<AtomicU64>) -> Self {
        Self { sent: Some(sent), ..self.clone() }
    }

    /// Counts bytes that an object store was sent, whatever becomes of them: they count in `upload-bytes` also where
    /// the object fails.
    pub fn count_sent(&self, bytes: u64) {
        if let Some(sent) = &self.sent {
            sent.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// The time that is left.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether the call may go on.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Aborted`] or [`ServiceError::TimedOut`] where it may not.
    pub fn check(&self) -> Result<(), ServiceError> {
        if self.abort.is_triggered() {
            return Err(ServiceError::Aborted);
        }
        if self.remaining().is_zero() {
            return Err(ServiceError::TimedOut);
        }
        Ok(())
    }

    /// Resolves when the call may not go on, and says why: at the deadline, or soon after an abort.
    pub async fn ended(&self) -> ServiceError {
        loop {
            if let Err(why) = self.check() {
                return why;
            }
            tokio::time::sleep(self.remaining().min(ABORT_SEEN)).await;
        }
    }

    /// Does the work while the call may go on, and drops it then.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, ServiceError> {
        self.check()?;
        match select(pin!(work), pin!(self.ended())).await {
            Either::Left((result, _)) => Ok(result),
            Either::Right((why, _)) => Err(why),
        }
    }

    /// Does work whose outcome must be known: the end of the call leaves it `grace` to come to its end.
    pub(super) async fn run_out<T>(
        &self,
        grace: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, ServiceError> {
        self.check()?;
        match select(pin!(work), pin!(self.ended())).await {
            Either::Left((result, _)) => Ok(result),
            Either::Right((why, work)) => tokio::time::timeout(grace, work).await.map_err(|_| why),
        }
    }
}
