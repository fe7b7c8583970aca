//! Whose turn it is. No more components of a runtime run at once than there are cores, and one that has had less of
//! them goes before those that have had more: whatever has looped for some time keeps its neighbours waiting no longer
//! than it takes to interrupt it.
//!
//! A call takes a turn when it enters the component. It has none while it waits for a service or for other components,
//! and at each tick of the engine's clock it is asked whether another goes first. What the host itself does for a
//! component in its own thread is counted as the component's, for as long as it has its turn; see [`queue::LEASE`].

mod queue;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker, ready};
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

pub(crate) use queue::{ABORT_GRACE, Abortable};
use queue::{Asked, Queue};

/// How many cores the process may use. To ask the system takes as long as to filter a small update.
pub(crate) fn cores() -> usize {
    static CORES: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, |cores| cores.get()));
    *CORES
}

/// Those of one runtime.
pub(crate) struct Turns {
    queue: Mutex<Queue>,
    engine: EngineWeak,
}

impl Turns {
    /// For the components of this engine, on so many cores.
    pub(crate) fn new(engine: &Engine, cores: usize) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::new(Queue::new(cores)), engine: engine.weak() })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each change is whole before the lock is left.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the turns of those that rest, and of those that have been in the host for long; asked at each tick.
    pub(crate) fn tick(&self) {
        self.queue().end_leases(Instant::now());
    }
}

/// For how long an instance has run, in nanoseconds. Instances that share one's work have one together.
#[derive(Clone, Default)]
pub(crate) struct Had(Arc<AtomicU64>);

impl Had {
    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn add(&self, time: Duration) {
        self.0.fetch_add(nanos(time), Ordering::Relaxed);
    }

    fn keep_within(&self, least: Duration, most: Duration) {
        self.0.fetch_max(nanos(least), Ordering::Relaxed);
        self.0.fetch_min(nanos(most), Ordering::Relaxed);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The turn of one instance.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    had: Had,
    /// Whether a host function is at work for the component.
    in_host: AtomicBool,
    /// Whether it waits for components that it has called.
    aside: AtomicBool,
    /// Whether the component was entered in the call under way.
    begun: AtomicBool,
    /// Whether the call's time is up, and it only ends what a service has begun.
    winds_up: AtomicBool,
}

impl Turn {
    pub(crate) fn new(turns: Arc<Turns>, had: Had) -> Arc<Self> {
        let (in_host, aside, begun, winds_up) = Default::default();
        Arc::new(Self { turns, had, in_host, aside, begun, winds_up })
    }

    /// Does the call in turns. One whose run is aborted goes before others: it is to end.
    pub(crate) async fn call<R>(self: &Arc<Self>, abort: &Abortable, call: impl Future<Output = R>) -> R {
        let mut call = pin!(call);
        let _end = End(self);
        self.winds_up.store(false, Ordering::Relaxed);
        self.begun.store(false, Ordering::Relaxed);
        let mut in_host = false;
        poll_fn(|context| {
            ready!(self.take(abort, context.waker()));
            self.begun.store(true, Ordering::Relaxed);
            self.set_in_host(in_host);
            let polled = call.as_mut().poll(context);
            if polled.is_pending() {
                in_host = self.in_host.swap(false, Ordering::Relaxed);
                self.leave();
            }
            polled
        })
        .await
    }

    fn take(self: &Arc<Self>, abort: &Abortable, waker: &Waker) -> Poll<()> {
        if self.winds_up.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        let asked = self.turns.queue().ask(self, abort, waker, Instant::now());
        if asked == Asked::Interrupts
            && let Some(engine) = self.turns.engine.upgrade()
        {
            // Those that run are asked at once, not at the next tick.
            engine.increment_epoch();
        }
        if asked == Asked::Goes { Poll::Ready(()) } else { Poll::Pending }
    }

    fn leave(self: &Arc<Self>) {
        self.turns.queue().leave(self, Instant::now());
    }

    /// Whether another goes first; asked at each tick.
    pub(crate) fn is_over(self: &Arc<Self>, abort: &Abortable) -> bool {
        self.turns.queue().is_over(self, abort, Instant::now())
    }

    /// From now on the call waits for no turn: its time is up, and what a service has done for it is still noted.
    pub(crate) fn wind_up(&self) {
        self.winds_up.store(true, Ordering::Relaxed);
    }

    /// Whether the component was entered in the last call.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether a host function is at work for the component in its thread, and waits for no service.
    pub(crate) fn is_in_host(&self) -> bool {
        self.in_host.load(Ordering::Relaxed)
    }

    /// Whether it waits for components that it has called.
    pub(crate) fn is_aside(&self) -> bool {
        self.aside.load(Ordering::Relaxed)
    }

    /// Notes whether a host function is at work for the component, or the component itself.
    pub(crate) fn set_in_host(&self, in_host: bool) {
        self.in_host.store(in_host, Ordering::Relaxed);
    }

    /// Leaves the turn to the components that this work calls, and waits for the next, until the call's time is up.
    pub(crate) fn aside<R>(
        self: &Arc<Self>,
        abort: &Abortable,
        until: Instant,
        work: impl FnOnce() -> R,
    ) -> R {
        self.set_in_host(false);
        self.leave();
        self.aside.store(true, Ordering::Relaxed);
        let done = work();
        self.aside.store(false, Ordering::Relaxed);
        if !self.turns.queue().begin(self, abort, Instant::now()) {
            let turn = poll_fn(|context| self.take(abort, context.waker()));
            // Whose time is up is told so by whoever looks next.
            if pollster::block_on(tokio::time::timeout_at(until.into(), turn)).is_err() {
                self.leave();
            }
        }
        self.set_in_host(true);
        done
    }
}

/// Ends a turn, or the wait for it, also where the call is given up.
struct End<'a>(&'a Arc<Turn>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.turns.queue().rest(self.0, Instant::now());
    }
}
