//! A call into a component: how it is made, and how it ends that does not end by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::deadline::{Scope, deadline};
use super::own_thread::{for_long, on_own_thread};
use super::{Instance, Live};
use crate::audit::Auditor;
use crate::error::Error;
use crate::host::call::{Aborted, Deadline, WINDING_UP};
use crate::turns::{Abortable, Turn};

/// A call that is being made.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) deadline: Deadline,
    pub(super) turn: Arc<Turn>,
    pub(super) abort: Abortable,
    /// Whether a service that is at work has to undo what it has begun.
    pub(super) winding_up: Arc<AtomicBool>,
    /// Whether nobody waits for it any more.
    pub(super) given_up: Arc<AtomicBool>,
    /// After how many polls its future is dropped, as nobody but a test does.
    #[cfg(feature = "cut")]
    pub(super) cut_after: Option<usize>,
}

impl Entry {
    /// Makes it on this thread, which is one of the runtime's, or has entered that.
    pub(super) fn make<R>(
        &self,
        live: &mut Live,
        call: impl AsyncFnOnce(&mut Live) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        let late = || Err(self.deadline.reached.into());
        // The deadline of the epoch ends loops; this one ends waiting inside a host function.
        pollster::block_on(async {
            let mut call = std::pin::pin!(self.turn.call(&self.abort, call(live)));
            #[cfg(feature = "cut")]
            if let Some(polls) = self.cut_after {
                return super::cut::after(polls, call).await.unwrap_or_else(late);
            }
            let in_time = tokio::time::timeout_at(self.deadline.at.into(), call.as_mut()).await;
            match in_time {
                Ok(result) => result,
                Err(_) if self.winding_up.load(Ordering::Relaxed) => {
                    self.turn.wind_up();
                    tokio::time::timeout(WINDING_UP, call).await.unwrap_or_else(|_| late())
                }
                Err(_) => late(),
            }
        })
    }

    /// Says, each time that it is asked, whether to leave the call to itself: its time is up, or its run is aborted, and the
    /// host is in a call of the system's that does not end.
    pub(super) fn hangs(&self) -> impl FnMut() -> bool + use<> {
        let entry = self.clone();
        let mut end = entry.deadline.at;
        for_long(move || {
            let now = Instant::now();
            if now >= entry.deadline.at && entry.winding_up.load(Ordering::Relaxed) {
                end = entry.deadline.at + WINDING_UP;
            }
            let is_aborted = entry.abort.signal.is_triggered() && entry.turn.is_in_host();
            // Components that it waits for have their own time.
            (now > end || is_aborted) && !entry.turn.is_aside()
        })
    }

    /// Why it was left to itself.
    pub(super) fn why_given_up(&self) -> wasmtime::Error {
        match Instant::now() >= self.deadline.at {
            true => self.deadline.reached.into(),
            false => Aborted.into(),
        }
    }
}

impl Instance {
    /// Enters the component for one call. Unless the call returns, what was entered is gone.
    pub(crate) fn enter<R: Send + 'static>(
        &mut self,
        scope: Scope<'_>,
        call: impl AsyncFnOnce(&mut Live) -> wasmtime::Result<R> + Send + 'static,
    ) -> Result<R, Error> {
        self.audited()?;
        let started = Instant::now();
        let deadline = deadline(started, &self.limits, self.spent.lock().time, scope.not_after);
        // A call shorter than the epoch's tick would not notice. It is not entered, and stays what it is:
        // the time that is up may be that of the whole that the call is a part of.
        if self.live.is_some() && deadline.at <= started {
            return Err(self.ended(&deadline.reached.into()));
        }
        let mut live = self.live.take().ok_or_else(|| self.poisoned())?;
        live.store.set_epoch_deadline(1);
        let under_way = &mut live.store.data_mut().call;
        under_way.begin(deadline, scope.context.cloned().unwrap_or_default());
        let entry = Entry {
            deadline,
            turn: under_way.turn.clone(),
            abort: under_way.abortable(),
            winding_up: self.winding_up.clone(),
            given_up: under_way.given_up.clone(),
            #[cfg(feature = "cut")]
            cut_after: self.cut_after,
        };
        // What it is shown of files once it can read later, by handles that it keeps.
        self.uses_disks = self.uses_disks || scope.uses_disks();
        let made = match self.uses_disks {
            false => {
                let _tokio = self.runtime.tokio().enter();
                let result = entry.make(&mut live, call);
                Some((live, result))
            }
            true => {
                let of_thread = entry.clone();
                let make = move || {
                    let result = of_thread.make(&mut live, call);
                    (live, result)
                };
                on_own_thread(&self.runtime, make, entry.hangs())
            }
        };
        if let Some((live, _)) = &made {
            live.store.data().note_usage();
        }
        self.note_call(started.elapsed());
        let Some((mut live, result)) = made else {
            // From now on the component does nothing more.
            entry.given_up.store(true, Ordering::Relaxed);
            let error = self.ended(&entry.why_given_up());
            self.audit.as_ref().map_or(Ok(()), Auditor::give_up)?;
            return Err(error);
        };
        let error = match (self.audited(), result) {
            (Err(error), _) => error,
            (Ok(()), Ok(value)) => match live.store.data_mut().take_back() {
                Ok(()) => {
                    self.live = Some(live);
                    return Ok(value);
                }
                Err(error) => self.ended(&error),
            },
            // Its time was up before its turn came: it was not entered either.
            (Ok(()), Err(error)) if !entry.turn.has_begun() && live.store.data_mut().take_back().is_ok() => {
                self.live = Some(live);
                return Err(self.ended(&error));
            }
            (Ok(()), Err(error)) => self.ended(&error),
        };
        self.let_go(live);
        Err(error)
    }

    fn note_call(&self, took: Duration) {
        let mut spent = self.spent.lock();
        spent.calls += 1;
        spent.time += took;
        spent.most.call_time = spent.most.call_time.max(took);
        spent.most.cores = spent.most.cores.max(1);
    }

    /// It is not entered any more.
    pub(crate) fn end(&mut self) {
        if let Some(live) = self.live.take() {
            self.let_go(live);
        }
    }

    /// Closes the files of what was entered, and deletes those in the making: a disk may hang there, too.
    fn let_go(&self, live: Live) {
        // A process that was forked has the threads no more.
        if self.uses_disks && self.runtime.is_of_this_process() {
            let started = Instant::now();
            let drop = move || drop(catch_unwind(AssertUnwindSafe(move || drop(live))));
            on_own_thread(&self.runtime, drop, || started.elapsed() > WINDING_UP);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}
