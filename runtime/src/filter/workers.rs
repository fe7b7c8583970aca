//! Parts for several workers, and their reports in the order of the parts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::Error;

/// How far the parts that are worked on may be ahead of the reports that were taken, for each worker: that many
/// reports are held at most.
const AHEAD: usize = 4;

/// What the workers share.
struct Board<P, R> {
    state: Mutex<State<P, R>>,
    changed: Condvar,
    ahead: usize,
}

struct State<P, R> {
    /// The parts that nobody works on yet, the first one last.
    waiting: Vec<P>,
    /// The number of the next of them.
    next: usize,
    /// The results by the number of their part, from `taken` on.
    results: Vec<Option<R>>,
    taken: usize,
    failed: Option<Error>,
}

/// Has every part worked on once: by the leader on this thread, and by each helper on one of its own. The leader
/// takes the results in the order of the parts.
///
/// # Errors
///
/// The first that came. Parts under way are finished, no other is begun.
pub(super) fn share<W: Send, P: Send, R: Send>(
    leader: &mut W,
    helpers: &mut [W],
    mut parts: Vec<P>,
    work: impl Fn(&mut W, P) -> Result<R, Error> + Sync,
    mut take: impl FnMut(&mut W, R) -> Result<(), Error>,
) -> Result<(), Error> {
    let results = parts.iter().map(|_| None).collect();
    parts.reverse();
    let state = State { waiting: parts, next: 0, results, taken: 0, failed: None };
    let ahead = AHEAD * (helpers.len() + 1);
    let board = Board { state: Mutex::new(state), changed: Condvar::new(), ahead };
    thread::scope(|scope| {
        for helper in helpers {
            // Where the system has no thread to give, the others do its work.
            let started = thread::Builder::new().name("flip-filter".to_owned()).spawn_scoped(scope, || {
                let run = || {
                    while let Some((number, part)) = board.wait_for_part() {
                        board.done(number, work(helper, part));
                    }
                };
                // A panic, of an embedder's log say, would go on in the caller's thread.
                if catch_unwind(AssertUnwindSafe(run)).is_err() {
                    board.fail(panicked());
                }
            });
            drop(started);
        }
        let leaving = Leaving(&board);
        loop {
            match board.turn() {
                Turn::Take(result) => board.took(take(leader, result)),
                Turn::Work(number, part) => board.done(number, work(leader, part)),
                Turn::End => break,
            }
        }
        drop(leaving);
    });
    match board.state.into_inner().unwrap_or_else(PoisonError::into_inner).failed {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn panicked() -> Error {
    Error::Setup("a thread that filters panicked".to_owned())
}

/// Ends the helpers where the leader panics: they would wait for it.
struct Leaving<'a, P, R>(&'a Board<P, R>);

impl<P, R> Drop for Leaving<'_, P, R> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(panicked());
        }
    }
}

/// What the leader does next.
enum Turn<P, R> {
    Take(R),
    Work(usize, P),
    End,
}

impl<P, R> Board<P, R> {
    fn lock(&self) -> MutexGuard<'_, State<P, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State<P, R>>) -> MutexGuard<'a, State<P, R>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next part for a helper; none where there is no more to do.
    fn wait_for_part(&self) -> Option<(usize, P)> {
        let mut state = self.lock();
        loop {
            if state.failed.is_some() || state.waiting.is_empty() {
                return None;
            }
            if let Some(part) = state.part(self.ahead) {
                return Some(part);
            }
            state = self.wait(state);
        }
    }

    fn turn(&self) -> Turn<P, R> {
        let mut state = self.lock();
        loop {
            let taken = state.taken;
            if state.failed.is_some() || taken == state.results.len() {
                return Turn::End;
            }
            if let Some(result) = state.results.get_mut(taken).and_then(Option::take) {
                return Turn::Take(result);
            }
            if let Some((number, part)) = state.part(self.ahead) {
                return Turn::Work(number, part);
            }
            state = self.wait(state);
        }
    }

    fn done(&self, number: usize, result: Result<R, Error>) {
        match result {
            Ok(result) => {
                if let Some(place) = self.lock().results.get_mut(number) {
                    *place = Some(result);
                }
                self.changed.notify_all();
            }
            Err(error) => self.fail(error),
        }
    }

    fn took(&self, result: Result<(), Error>) {
        match result {
            Ok(()) => {
                self.lock().taken += 1;
                self.changed.notify_all();
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&self, error: Error) {
        self.lock().failed.get_or_insert(error);
        self.changed.notify_all();
    }
}

impl<P, R> State<P, R> {
    /// The next part and its number, unless it is too far ahead.
    fn part(&mut self, ahead: usize) -> Option<(usize, P)> {
        if self.next >= self.taken.saturating_add(ahead) {
            return None;
        }
        let part = self.waiting.pop()?;
        self.next += 1;
        Some((self.next - 1, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_worked_on_once_and_results_come_in_order() {
        for helpers in 0..4 {
            let mut taken = Vec::new();
            let parts: Vec<usize> = (0..500).collect();
            let work = |worked: &mut usize, part: usize| {
                *worked += 1;
                if part.is_multiple_of(7) {
                    thread::yield_now();
                }
                Ok(part * part)
            };
            let (mut leader, mut others) = (0, vec![0; helpers]);
            share(&mut leader, &mut others, parts, work, |_, result| {
                taken.push(result);
                Ok(())
            })
            .unwrap();
            assert_eq!(taken, (0..500).map(|part| part * part).collect::<Vec<_>>());
            assert_eq!(leader + others.iter().sum::<usize>(), 500);
        }
    }

    #[test]
    fn an_error_of_anybody_ends_it() {
        let fails = |number: usize| {
            move |_: &mut (), part: usize| match part == number {
                true => Err(Error::Setup(format!("part {part}"))),
                false => Ok(part),
            }
        };
        for number in [0, 3, 99] {
            let error = share(&mut (), &mut [(); 2], (0..100).collect(), fails(number), |_, _| Ok(()));
            assert_eq!(
                error.unwrap_err().to_string(),
                fails(number)(&mut (), number).unwrap_err().to_string()
            );
        }
        let refuse = |_: &mut (), part: usize| match part == 50 {
            true => Err(Error::Setup("no".to_owned())),
            false => Ok(()),
        };
        assert!(share(&mut (), &mut [()], (0..100).collect(), fails(1_000), refuse).is_err());
    }

    #[test]
    fn a_helper_that_panics_took_the_caller_with_it() {
        // The leader waits with its first part until the helper has one.
        let both = std::sync::Barrier::new(2);
        let work = |is_helper: &mut bool, _: usize| {
            both.wait();
            assert!(!*is_helper, "on purpose");
            Ok(())
        };
        let error = share(&mut false, &mut [true], vec![0, 1], work, |_, ()| Ok(())).unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
    }
}
