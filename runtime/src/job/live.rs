//! What a job does now, for whoever watches it from another thread. Reading it waits for nothing, and nothing
//! waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::host::tensors::Meter;
use crate::instance::Instance;

/// A job as it can be watched from another thread, also after the job has ended.
#[derive(Clone, Debug)]
pub struct JobView {
    pub(super) counts: Arc<Counts>,
    pub(super) components: Vec<Arc<Live>>,
}

impl JobView {
    /// What the job and its components have done so far. The figures are read one after the other, while
    /// the job goes on.
    pub fn now(&self) -> JobProgress {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        JobProgress {
            steps: read(&self.counts.steps),
            left: read(&self.counts.left),
            held_back: read(&self.counts.held_back),
            components: self.components.iter().map(|live| live.now()).collect(),
        }
    }
}

/// How far a job is.
#[derive(Clone, Debug, Default)]
pub struct JobProgress {
    /// The records of the trace that were carried out.
    pub steps: u64,
    /// The results that left.
    pub left: u64,
    /// The results that did not.
    pub held_back: u64,
    /// The components, those of the server first, in the order of the configuration.
    pub components: Vec<ComponentProgress>,
}

/// What a component of a job does now.
#[derive(Clone, Debug)]
pub struct ComponentProgress {
    /// `server`, or the name of the site.
    pub place: Arc<str>,
    /// Its id in the configuration.
    pub id: Arc<str>,
    /// Whether it is entered now.
    pub entered: bool,
    /// How long that is so.
    pub since: Duration,
    /// The calls into it that have ended.
    pub calls: u64,
    /// Bytes of tensors and files that it has read, those of the call that goes on included.
    pub bytes_read: u64,
    /// Bytes that it has written, likewise.
    pub bytes_written: u64,
    /// The calls that failed.
    pub failures: u64,
    /// The data that was held back for it.
    pub refusals: u64,
}

/// What a job has done, in numbers.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) steps: AtomicU64,
    pub(super) left: AtomicU64,
    pub(super) held_back: AtomicU64,
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What a component does, beside the lock that its slot has.
#[derive(Debug)]
pub(super) struct Live {
    place: Arc<str>,
    id: Arc<str>,
    made: Instant,
    meter: Meter,
    entered: AtomicBool,
    /// When it was entered or left last, in milliseconds since it was made.
    turned: AtomicU64,
    calls: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) refusals: AtomicU64,
}

impl Live {
    pub(super) fn of(place: &str, id: &Arc<str>, instance: &Instance) -> Self {
        Self {
            place: place.into(),
            id: id.clone(),
            made: Instant::now(),
            meter: instance.meter(),
            entered: AtomicBool::new(false),
            turned: AtomicU64::new(0),
            calls: AtomicU64::new(instance.usage().calls),
            failures: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        }
    }

    /// It is entered now.
    pub(super) fn enter(&self) {
        self.turn(true);
    }

    /// It is left.
    pub(super) fn leave(&self) {
        self.turn(false);
    }

    /// So many calls have ended.
    pub(super) fn set_calls(&self, calls: u64) {
        self.calls.store(calls, Ordering::Relaxed);
    }

    fn turn(&self, entered: bool) {
        self.turned.store(self.age(), Ordering::Relaxed);
        self.entered.store(entered, Ordering::Relaxed);
    }

    /// In milliseconds.
    fn age(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> ComponentProgress {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ComponentProgress {
            place: self.place.clone(),
            id: self.id.clone(),
            entered: self.entered.load(Ordering::Relaxed),
            since: Duration::from_millis(self.age().saturating_sub(read(&self.turned))),
            calls: read(&self.calls),
            bytes_read: self.meter.read(),
            bytes_written: self.meter.written(),
            failures: read(&self.failures),
            refusals: read(&self.refusals),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::error::Error;
    use crate::job::slot::Slot;
    use crate::runtime::Runtime;

    #[test]
    fn a_component_is_seen_from_another_thread_while_it_is_entered() {
        let runtime = Runtime::new().unwrap();
        let handler = runtime.load("client-event-handler").unwrap().instance().build().unwrap();
        let calls = handler.usage().calls;
        let slot = Slot::new("site-1", "handler", handler, Arc::default());
        let view = JobView { counts: Arc::default(), components: vec![slot.live.clone()] };
        let seen = || {
            let view = view.clone();
            thread::spawn(move || view.now().components.remove(0)).join().unwrap()
        };
        assert!(!seen().entered);
        let result: Result<(), Error> = slot.enter(|_| {
            let now = seen();
            assert!(now.entered, "{now:?}");
            assert_eq!((&*now.place, &*now.id, now.calls), ("site-1", "handler", calls));
            Err(Error::InvalidData("no".to_owned()))
        });
        slot.note_failed_call("an_event", &result.unwrap_err());
        let now = seen();
        assert_eq!((now.entered, now.failures, now.refusals), (false, 1, 0));
    }
}
