//! Who runs, who waits, and who goes first.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::Turn;
use crate::context::AbortSignal;
use crate::engine::TICK;

/// How much less than the others one that comes may have had, and how much more one that runs, in time on a core. So long,
/// or twice that, each that comes goes before those that have run for longer.
pub(super) const CREDIT: Duration = Duration::from_secs(1);
/// By how much less one must have had to go first: those that come and go at once do not interrupt each other.
const GRAIN: Duration = Duration::from_millis(1);
/// So long a component holds a core while others wait and the host is at work for it, on a disk that is slow for instance;
/// counted from when it was last asked whether another goes first.
pub(super) const LEASE: Duration = TICK.saturating_mul(3);

/// So long at least a core is kept from those that wait after a call of one that goes before them.
const REST: Duration = Duration::from_millis(1);

/// How long a component may take to end once its run is aborted.
pub(crate) const ABORT_GRACE: Duration = Duration::from_secs(1);

/// How an abort ends a call.
#[derive(Clone)]
pub(crate) struct Abortable {
    pub(crate) signal: AbortSignal,
    /// When the component was first asked to go on after that.
    pub(crate) seen: Arc<OnceLock<Instant>>,
}

impl Abortable {
    /// When the call must have ended, where its run was aborted. Whoever waits for others meanwhile has its time after that.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.seen.get().map(|seen| *seen + ABORT_GRACE)
    }

    /// Whether it goes before others: in the first second after the signal, and when its own is over, as it does nothing more
    /// then. Calls that begin later have no such right to the cores: there may be many of those.
    fn is_urgent(&self, now: Instant) -> bool {
        let in_grace = self.signal.triggered().is_some_and(|at| now <= at + ABORT_GRACE);
        in_grace || self.end().is_some_and(|end| now > end)
    }
}

pub(super) struct Queue {
    cores: usize,
    pub(super) running: Vec<Running>,
    /// In the order in which they came.
    pub(super) waiting: Vec<Waiting>,
    /// What those that run or wait have had: all but those that came with less. It only grows.
    floor: Duration,
}

pub(super) struct Running {
    pub(super) turn: Arc<Turn>,
    abort: Abortable,
    /// Until when what it has had is counted.
    since: Instant,
    /// When it was asked last whether another goes first; or since when it rests.
    asked: Instant,
    /// Whether its call has ended, and the core is free for whoever comes, kept from those that wait: it goes before them,
    /// and its next call often follows at once. They would be on the core then, with the host's work in between.
    rests: bool,
}

pub(super) struct Waiting {
    pub(super) turn: Arc<Turn>,
    abort: Abortable,
    waker: Waker,
}

#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    Goes,
    Waits,
    /// It waits, but goes before one of those that run.
    Interrupts,
}

impl Queue {
    pub(super) fn new(cores: usize) -> Self {
        Self { cores, running: Vec::with_capacity(cores), waiting: Vec::new(), floor: Duration::ZERO }
    }

    fn place(&self, turn: &Arc<Turn>) -> Option<usize> {
        self.running.iter().position(|running| Arc::ptr_eq(&running.turn, turn))
    }

    /// It wants to run. Whoever waits and is given a turn meanwhile is woken.
    pub(super) fn ask(&mut self, turn: &Arc<Turn>, abort: &Abortable, waker: &Waker, now: Instant) -> Asked {
        if let Some(running) = self.place(turn).and_then(|place| self.running.get_mut(place)) {
            running.go_on(now);
            return Asked::Goes;
        }
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| Arc::ptr_eq(&waiting.turn, turn)) {
            waiting.waker.clone_from(waker);
            return Asked::Waits;
        }
        if self.begin(turn, abort, now) {
            return Asked::Goes;
        }
        let waiting = Waiting { turn: turn.clone(), abort: abort.clone(), waker: waker.clone() };
        let mut running = self.running.iter().filter(|running| !running.rests);
        let interrupts = running.any(|running| waiting.goes_before(running, GRAIN, now));
        self.waiting.push(waiting);
        if interrupts { Asked::Interrupts } else { Asked::Waits }
    }

    /// It comes, and runs where there is a core for it.
    pub(super) fn begin(&mut self, turn: &Arc<Turn>, abort: &Abortable, now: Instant) -> bool {
        self.count(now);
        turn.had.keep_within(self.floor.saturating_sub(CREDIT), self.floor.saturating_add(CREDIT));
        let coming =
            Running { turn: turn.clone(), abort: abort.clone(), since: now, asked: now, rests: false };
        if self.running.len() < self.cores {
            self.running.push(coming);
            return true;
        }
        // Those that wait for a core that is kept from them are not passed over by one that has had more.
        let Some(free) = self.running.iter().position(|running| running.rests) else { return false };
        if self.waiting.iter().any(|waiting| waiting.goes_before(&coming, Duration::ZERO, now)) {
            return false;
        }
        self.running.swap_remove(free);
        self.running.push(coming);
        true
    }

    /// Its call has ended. The core is free for whoever comes; those that wait have it at the next tick, or now where it goes
    /// before none of them.
    pub(super) fn rest(&mut self, turn: &Arc<Turn>, now: Instant) {
        self.count(now);
        let Some(running) = self.place(turn).and_then(|place| self.running.get_mut(place)) else {
            return self.leave(turn, now);
        };
        let is_first = !self.waiting.is_empty()
            && self.waiting.iter().all(|waiting| {
                let had = running.turn.had.get().saturating_add(GRAIN);
                !waiting.abort.is_urgent(now) && had <= waiting.turn.had.get()
            });
        match is_first {
            true => (running.rests, running.asked) = (true, now),
            false => self.leave(turn, now),
        }
    }

    pub(super) fn leave(&mut self, turn: &Arc<Turn>, now: Instant) {
        match self.place(turn) {
            Some(place) => self.end(place, now),
            None => self.waiting.retain(|waiting| !Arc::ptr_eq(&waiting.turn, turn)),
        }
    }

    /// Ends a turn. The next is that of one whose run is aborted, or else of whoever has had the least.
    fn end(&mut self, place: usize, now: Instant) {
        self.count(now);
        self.running.swap_remove(place);
        let waiting = self.waiting.iter().enumerate();
        let next = waiting
            .min_by_key(|(_, waiting)| (!waiting.abort.is_urgent(now), waiting.turn.had.get()))
            .map(|(next, _)| next);
        if let Some(next) = next {
            let Waiting { turn, abort, waker } = self.waiting.remove(next);
            self.running.push(Running { turn, abort, since: now, asked: now, rests: false });
            waker.wake();
        }
    }

    /// Whether another goes before this one, which runs, or has lost its turn in the host.
    pub(super) fn is_over(&mut self, turn: &Arc<Turn>, abort: &Abortable, now: Instant) -> bool {
        let most = self.count(now);
        let Some(running) = self.place(turn).and_then(|place| self.running.get_mut(place)) else {
            return !self.begin(turn, abort, now);
        };
        running.go_on(now);
        let running = &*running;
        // Those that have had so much that no more is counted take turns tick by tick.
        let grain = if running.turn.had.get() < most { GRAIN } else { Duration::ZERO };
        self.waiting.iter().any(|waiting| waiting.goes_before(running, grain, now))
    }

    /// Ends the turns of those that rest, and where others wait, of those that have been in the host for long.
    pub(super) fn end_leases(&mut self, now: Instant) {
        while let Some(place) = self.running.iter().position(|running| running.rests_long(now)) {
            self.end(place, now);
        }
        while !self.waiting.is_empty() {
            let ended = self.running.iter().position(|running| {
                !running.rests
                    && running.turn.in_host.load(Ordering::Relaxed)
                    && now.saturating_duration_since(running.asked) >= LEASE
            });
            let Some(place) = ended else { break };
            self.end(place, now);
        }
    }

    /// Counts what those that run have had until now; gives what anybody can have had at most.
    pub(super) fn count(&mut self, now: Instant) -> Duration {
        for running in self.running.iter_mut().filter(|running| !running.rests) {
            running.turn.had.add(now.saturating_duration_since(running.since));
            running.since = now;
        }
        let active = self.running.iter().filter(|running| !running.rests).map(|running| &running.turn);
        let active = active.chain(self.waiting.iter().map(|waiting| &waiting.turn));
        let least = active.map(|turn| turn.had.get()).min();
        self.floor = self.floor.max(least.unwrap_or_default());
        // Instances that share work, on many cores, have more of them than anybody else ever has: nobody is before the
        // others for longer than they can catch up with.
        let most = self.floor.saturating_add(CREDIT);
        self.running.iter().for_each(|running| running.turn.had.keep_within(Duration::ZERO, most));
        most
    }
}

impl Running {
    /// It runs, or runs again.
    fn go_on(&mut self, now: Instant) {
        if self.rests {
            (self.rests, self.since) = (false, now);
        }
        self.asked = now;
    }

    fn rests_long(&self, now: Instant) -> bool {
        self.rests && now.saturating_duration_since(self.asked) >= REST
    }
}

impl Waiting {
    /// Whether its run is to end, or it has had less, by so much at the least.
    fn goes_before(&self, running: &Running, grain: Duration, now: Instant) -> bool {
        match (self.abort.is_urgent(now), running.abort.is_urgent(now)) {
            (true, false) => true,
            (false, true) => false,
            _ => self.turn.had.get().saturating_add(grain) <= running.turn.had.get(),
        }
    }
}
