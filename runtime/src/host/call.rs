//! The call under way: until when, for whom, and what of its quotas is left.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Failure;
use crate::bindings::flip::fl::types;
use crate::context::{AbortSignal, FlContext};
use crate::limits::{Allowed, LimitReached};
use crate::services::{Call, Caller, ServiceError};
use crate::turns::{ABORT_GRACE, Abortable, Turn};

/// When a call ends at the latest, and which limit says so.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) reached: LimitReached,
}

/// What a service leaves of the time of the call: a quarter of what there is, at most this. A component
/// whose service did not answer is told so while it can still clean up behind it.
const LEFT_TO_THE_COMPONENT: Duration = Duration::from_secs(30);

/// How long a service has to undo what it has begun, once the time of the call is up or its run is aborted; and the files
/// of an instance, to be closed or deleted.
pub(crate) const WINDING_UP: Duration = Duration::from_secs(10);

/// The run was aborted, and the component did not end by itself.
#[derive(Debug, thiserror::Error)]
#[error("the run is being aborted")]
pub(crate) struct Aborted;

/// What the host functions know of the call under way.
pub(crate) struct CallCtx {
    /// The component's id in the job.
    pub(crate) id: Arc<str>,
    pub(crate) abort: AbortSignal,
    /// When the component was first asked to go on after that was triggered, in whichever call.
    seen: Arc<OnceLock<Instant>>,
    pub(crate) deadline: Deadline,
    pub(crate) turn: Arc<Turn>,
    /// The context of the call; an empty one while the component is configured.
    pub(crate) context: Arc<FlContext>,
    /// Set while a service is at work that undoes what it has begun when its time is up.
    pub(crate) winding_up: Arc<AtomicBool>,
    /// Set once nobody waits for the call any more: it hung.
    pub(crate) given_up: Arc<AtomicBool>,
}

impl CallCtx {
    pub(crate) fn new(
        id: Arc<str>,
        deadline: Deadline,
        turn: Arc<Turn>,
        winding_up: Arc<AtomicBool>,
    ) -> Self {
        Self {
            id,
            abort: AbortSignal::default(),
            seen: Arc::default(),
            deadline,
            turn,
            context: Arc::default(),
            winding_up,
            given_up: Arc::default(),
        }
    }

    /// Fails where nobody waits for the call any more: then the component does nothing more.
    pub(crate) fn is_awaited(&self) -> wasmtime::Result<()> {
        match self.given_up.load(Ordering::Relaxed) {
            true => Err(wasmtime::Error::msg("the call was given up")),
            false => Ok(()),
        }
    }

    /// Fails where the call must end: its time is up, or the run was aborted some time ago.
    pub(crate) fn go_on(&mut self) -> wasmtime::Result<()> {
        let now = Instant::now();
        #[cfg(test)]
        tests::LOOKS.with_borrow_mut(|looks| looks.push(now >= self.deadline.at));
        if now >= self.deadline.at {
            return Err(self.deadline.reached.into());
        }
        if self.abort.is_triggered() {
            self.seen.get_or_init(|| now);
        }
        match self.abortable().end() {
            Some(end) if now > end => Err(Aborted.into()),
            _ => Ok(()),
        }
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self, deadline: Deadline, context: Arc<FlContext>) {
        self.deadline = deadline;
        // All calls of one run together have the time of one to end.
        if !self.abort.is(&context.abort) {
            self.abort = context.abort.clone();
            self.seen = Arc::default();
        }
        self.context = context;
    }

    /// How an abort ends it.
    pub(crate) fn abortable(&self) -> Abortable {
        Abortable { signal: self.abort.clone(), seen: self.seen.clone() }
    }

    pub(crate) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline.at
    }

    /// Fails where a host function should not start: the component is told of an abort, and of a deadline
    /// nothing any more.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_late() {
            return Err(Failure::Trap(self.deadline.reached.into()));
        }
        match self.abort.is_triggered() {
            true => Err(Failure::Typed(types::Error::Aborted)),
            false => Ok(()),
        }
    }

    /// Fails on a developer's machine, where nothing is deleted or uploaded.
    pub(crate) fn production(&self) -> Result<(), Failure> {
        match self.context.local_dev {
            true => Err(Failure::unavailable("local dev: nothing is deleted or uploaded")),
            false => Ok(()),
        }
    }

    /// Leaves its turn to the components that this work calls.
    pub(crate) fn aside<R>(&self, work: impl FnOnce() -> R) -> R {
        self.turn.aside(&self.abortable(), self.deadline.at, work)
    }

    /// What a service is given of the call.
    fn service_call(&self) -> Call {
        let left = self.deadline.at.saturating_duration_since(Instant::now());
        let at = self.deadline.at - LEFT_TO_THE_COMPONENT.min(left / 4);
        Call::new(at, self.abort.clone())
    }

    /// Who calls into the job.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller { id: &self.id, context: &self.context, deadline: self.deadline.at }
    }

    /// What the component is told of a service's failure.
    pub(crate) fn service_failure(&self, error: ServiceError) -> Failure {
        use types::Error as E;
        Failure::Typed(match error {
            ServiceError::InvalidArgument(text) => E::InvalidArgument(text),
            ServiceError::NotFound(text) => E::NotFound(text),
            ServiceError::QuotaExceeded(text) => E::QuotaExceeded(text),
            ServiceError::Unavailable(text) => E::Unavailable(text),
            ServiceError::Aborted => E::Aborted,
            ServiceError::TimedOut if self.is_late() => return Failure::Trap(self.deadline.reached.into()),
            ServiceError::TimedOut => {
                let limit = self.deadline.reached;
                E::Unavailable(format!("no answer in time: {limit}"))
            }
        })
    }

    /// Lets a service do its work on a thread that may block. Where the call's time is up before, a service that `undoes`
    /// what it has begun has a little more for that.
    pub(crate) fn serve<T: Send + 'static, W>(
        &self,
        undoes: bool,
        work: W,
    ) -> impl Future<Output = Result<T, ServiceError>> + Send + use<T, W>
    where
        W: FnOnce(&Call) -> Result<T, ServiceError> + Send + 'static,
    {
        let (call, winding_up, abort) = (self.service_call(), self.winding_up.clone(), self.abort.clone());
        winding_up.store(undoes, Ordering::Relaxed);
        let mut work = tokio::task::spawn_blocking(move || work(&call));
        async move {
            // One that does not look at the signal is left to itself.
            let mut left = pin!(abort.was_triggered_for(if undoes { WINDING_UP } else { ABORT_GRACE }));
            let done = poll_fn(|context| match Pin::new(&mut work).poll(context) {
                Poll::Pending => left.as_mut().poll(context).map(|()| Ok(Err(ServiceError::Aborted))),
                done => done,
            });
            let done = done.await;
            winding_up.store(false, Ordering::Relaxed);
            // A panic in a service is not one of the host.
            done.unwrap_or_else(|_| Err(panicked()))
        }
    }
}

/// What a service does at once, in this thread. A panic in it is not one of the host either.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, ServiceError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| panicked())
}

fn panicked() -> ServiceError {
    ServiceError::Unavailable("the service failed".to_owned())
}

/// A quota, and what is used of it.
pub(crate) struct Quota {
    limit: &'static str,
    allowed: u64,
    unit: fn(u64) -> Allowed,
    used: u64,
}

impl Quota {
    pub(crate) fn count(limit: &'static str, allowed: u64) -> Self {
        Self { limit, allowed, unit: Allowed::Count, used: 0 }
    }

    pub(crate) fn bytes(limit: &'static str, allowed: u64) -> Self {
        Self { limit, allowed, unit: Allowed::Bytes, used: 0 }
    }

    pub(crate) fn left(&self) -> u64 {
        self.allowed.saturating_sub(self.used)
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Takes so much of it.
    pub(crate) fn take(&mut self, amount: u64) -> Result<(), Failure> {
        if amount > self.left() {
            let reached = LimitReached { limit: self.limit, allowed: (self.unit)(self.allowed) };
            return Err(Failure::Typed(types::Error::QuotaExceeded(reached.told())));
        }
        self.used = self.used.saturating_add(amount);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use crate::engine::TICK;
    use crate::{Error, Limits, Runtime};

    thread_local! {
        /// Whether it was late, each time that a call of this thread was interrupted to look.
        pub(super) static LOOKS: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
    }

    /// How late the clock of a busy machine ticks is the machine's matter; what a component sees of its ticks is not.
    #[test]
    fn a_call_ends_at_the_first_tick_after_its_limit() {
        let runtime = Runtime::new().unwrap();
        let limits = Limits { call_time: 50 * TICK, ..Limits::default() };
        for endless in ["(br 0)", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0)"] {
            let text = format!(
                "(component (core module $m (memory 1) (func $start (loop {endless})) (start $start))
                (core instance (instantiate $m)))"
            );
            let component = runtime.load_bytes("endless", &wat::parse_str(text).unwrap()).unwrap();
            LOOKS.take();
            let ended = component.instance().limits(limits.clone()).build();
            assert!(matches!(ended, Err(Error::Limit { reached, .. }) if reached.limit == "call-time"));
            let looks = LOOKS.take();
            let (last, before) = looks.split_last().unwrap();
            assert!(*last && !before.contains(&true), "{looks:?}");
            // No two ticks are closer together than they should be, and on a machine that is not ten times as slow none
            // is far from the next.
            assert!((4..=50).contains(&before.len()), "{looks:?}");
        }
    }
}
