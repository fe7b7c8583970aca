//! Work on a thread of its own, which whoever asked for it leaves where it hangs: no system ends a call that waits for a
//! disk.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::runtime::Runtime;
use crate::tensor::forget_window;

/// How often whoever waits looks whether to go on.
const LOOK: Duration = Duration::from_millis(50);

/// How long after it was asked for work begins on a thread of its own, or is done in this one.
const BEGINS: Duration = Duration::from_secs(2);

/// How long after its end work that still goes on is left to itself: it waits for the system.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// What comes of the work; none where it was given up. What it has is dropped on its thread then, whenever it ends. Where the
/// system has no thread to give, this one does it.
pub(super) fn on_own_thread<T: Send + 'static>(
    runtime: &Runtime,
    work: impl FnOnce() -> T + Send + 'static,
    mut is_given_up: impl FnMut() -> bool,
) -> Option<T> {
    // Whoever takes it does it.
    let waiting = Arc::new(Mutex::new(Some(work)));
    let (sender, receiver) = sync_channel(1);
    // What the work logs goes where it would go from here.
    let (span, subscriber) = (tracing::Span::current(), tracing::dispatcher::get_default(Clone::clone));
    let (of_thread, kept) = (waiting.clone(), runtime.clone());
    let on_thread = move || {
        if let Some(work) = taken(&of_thread) {
            // A panic, of an embedder's log say, goes on in the thread that waits. Where nobody waits any more, it ends here.
            let work = || {
                let done = catch_unwind(AssertUnwindSafe(work));
                // The thread waits for other work then, for long perhaps, and keeps nothing of this one's.
                forget_window();
                drop(sender.send(done));
            };
            tracing::dispatcher::with_default(&subscriber, || span.in_scope(work));
        }
        // What wakes the work is there until it ends.
        drop(kept);
    };
    let started = Instant::now();
    let spawned = catch_unwind(AssertUnwindSafe(|| runtime.tokio().spawn_blocking(on_thread)));
    let mut begins = spawned.is_ok();
    let done = loop {
        if !begins && let Some(work) = taken(&waiting) {
            let _tokio = runtime.tokio().enter();
            return Some(work());
        }
        match receiver.recv_timeout(LOOK) {
            Ok(done) => break done,
            Err(RecvTimeoutError::Timeout) => {
                let is_given_up = is_given_up();
                begins = !is_given_up && started.elapsed() < BEGINS;
                if is_given_up && lock(&waiting).is_none() {
                    break receiver.try_recv().ok()?;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    };
    Some(done.unwrap_or_else(|panic| resume_unwind(panic)))
}

fn lock<T>(waiting: &Mutex<T>) -> MutexGuard<'_, T> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn taken<T>(waiting: &Mutex<Option<T>>) -> Option<T> {
    lock(waiting).take()
}

/// Says, each time that it is asked, whether this has been so for longer than one is patient. While the process itself was
/// held, what is asked about could not go on either: little of that counts.
pub(super) fn for_long(mut is_so: impl FnMut() -> bool) -> impl FnMut() -> bool {
    let (mut so_far, mut before) = (Duration::ZERO, Instant::now());
    move || {
        let now = Instant::now();
        let between = now.saturating_duration_since(std::mem::replace(&mut before, now));
        so_far = if is_so() { so_far + between.min(4 * LOOK) } else { Duration::ZERO };
        so_far > PATIENCE
    }
}
