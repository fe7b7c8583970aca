//! Compiling in a thread that can be left alone.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{CompileError, late};

/// The most compilations of this process at a time, those that were given up and have not ended yet among them.
const PLACES: usize = 4;

/// As much as the main thread of a program has: deeply nested code takes stack in the compiler.
const STACK: usize = 8 << 20;

/// Who compiles, by number, and whether it was given up.
static PLACES_TAKEN: Mutex<Vec<(u64, bool)>> = Mutex::new(Vec::new());
/// One of them has ended.
static ENDED: Condvar = Condvar::new();

/// Does the work in a thread, no longer than `time`, and not before there is a place for it.
pub(super) fn run<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> Result<T, CompileError> + Send + 'static,
) -> Result<T, CompileError> {
    let end = Instant::now().checked_add(time);
    let left = || end.map_or(time, |end| end.saturating_duration_since(Instant::now()));
    let place = Place::take(left)?.ok_or_else(|| late(time))?;
    let number = place.0;
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new()
        .name("flip-compile".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // Given back when the work has ended, in a panic too.
            let _place = place;
            let _ = sender.send(work());
        })
        .map_err(|error| CompileError::Setup(error.to_string()))?;
    match receiver.recv_timeout(left()) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => {
            Place::give_up(number);
            Err(late(time))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(CompileError::Invalid("it cannot be compiled: the compiler failed on it".to_owned()))
        }
    }
}

/// One of [`PLACES`], until it is dropped.
struct Place(u64);

impl Place {
    /// A place, or none where none becomes free in the time that is `left`.
    fn take(left: impl Fn() -> Duration) -> Result<Option<Self>, CompileError> {
        let mut taken = taken();
        while taken.len() >= PLACES {
            // These may never end.
            if taken.iter().all(|(_, given_up)| *given_up) {
                let text = format!("{PLACES} compilations took too long and have not ended yet");
                return Err(CompileError::Setup(text));
            }
            let left = left();
            if left.is_zero() {
                return Ok(None);
            }
            taken = ENDED.wait_timeout(taken, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let number = taken.iter().map(|(number, _)| *number).max().map_or(0, |last| last.wrapping_add(1));
        taken.push((number, false));
        Ok(Some(Self(number)))
    }

    /// Nobody waits for it any more; those who wait for a place look again.
    fn give_up(number: u64) {
        let mut taken = taken();
        taken.iter_mut().filter(|(known, _)| *known == number).for_each(|(_, given_up)| *given_up = true);
        ENDED.notify_all();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        taken().retain(|(number, _)| *number != self.0);
        ENDED.notify_all();
    }
}

fn taken() -> MutexGuard<'static, Vec<(u64, bool)>> {
    PLACES_TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Both use the places of this process.
    static TURN: Mutex<()> = Mutex::new(());

    #[test]
    fn a_compiler_that_panicked_after_it_was_given_up_kept_its_place() {
        let _turn = TURN.lock().unwrap();
        for _ in 0..2 * PLACES {
            let (go, wait) = channel::<()>();
            let given_up = run(Duration::from_millis(1), move || {
                let _ = wait.recv();
                panic!("after it was given up")
            });
            let given_up: Result<(), _> = given_up;
            assert!(matches!(given_up, Err(CompileError::Limit(_))));
            drop(go);
            while !taken().is_empty() {
                std::thread::yield_now();
            }
        }
        assert_eq!(run(LONG, || Ok(7)).ok(), Some(7));
    }

    #[test]
    fn as_many_as_came_at_once_were_compiled_at_once() {
        let _turn = TURN.lock().unwrap();
        static NOW: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 * PLACES {
                scope.spawn(|| {
                    let done = run(LONG, || {
                        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(5));
                        NOW.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    });
                    assert!(done.is_ok());
                });
            }
        });
        assert!(MOST.load(Ordering::SeqCst) <= PLACES, "{MOST:?}");
    }
}
