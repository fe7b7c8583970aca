//! What a component asked, and how it is answered.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::audit::{CallEntry, CallSink, Outcome};
use crate::bindings::flip::fl::types::Error as ContractError;
use crate::error::Error;
use crate::host::Failure;
use crate::services::{Caller, Events};

/// The most calls that are kept, and the longest pause: a component under test is trusted no more than any other.
const KEPT: usize = 100_000;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A call of a component that touches a file, an object, the hub, the job's events or another component.
///
/// It reads like `storage read job/model.pt`, `storage rename job/a -> job/b`, `hub update-status PUT
/// /model/4f0c/status/ERROR`, `events fire my_event`, `peers execute persistor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// The interface, the function, and what it touched.
    pub call: String,
    /// How it ended.
    pub outcome: Outcome,
}

impl fmt::Display for HostCall {
    /// The call, and how it ended where that is not well: `storage stat job/a = not-found`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Outcome::Ok => f.write_str(&self.call),
            outcome => write!(f, "{} = {outcome}", self.call),
        }
    }
}

/// How the host answers a call.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The error that the component is told; none where the call is carried out.
    pub error: Option<ContractError>,
    /// How long it takes, up to a minute.
    pub after: Duration,
}

impl Answer {
    /// It fails, and nothing of it is done.
    pub fn failing(error: ContractError) -> Self {
        Self { error: Some(error), after: Duration::ZERO }
    }

    /// It is carried out, after this time.
    pub fn late(after: Duration) -> Self {
        Self { error: None, after }
    }
}

/// Calls as they come, and answers that wait for theirs.
#[derive(Default)]
pub(super) struct Script {
    calls: Mutex<Vec<HostCall>>,
    answers: Mutex<VecDeque<(String, Answer)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Script {
    pub(super) fn answer(&self, call: &str, answer: Answer) {
        lock(&self.answers).push_back((call.to_owned(), answer));
    }

    pub(super) fn calls(&self) -> Vec<HostCall> {
        lock(&self.calls).clone()
    }

    pub(super) fn unused(&self) -> Vec<String> {
        lock(&self.answers).iter().map(|(call, _)| call.clone()).collect()
    }

    /// The first answer for this call.
    fn take(&self, call: &str) -> Option<Answer> {
        let mut answers = lock(&self.answers);
        let at = answers.iter().position(|(waiting, _)| waiting == call)?;
        answers.remove(at).map(|(_, answer)| answer)
    }
}

fn read(entry: &CallEntry) -> String {
    let to = entry.to.as_ref().map_or_else(String::new, |to| format!(" -> {to}"));
    format!("{} {} {}{to}", entry.interface, entry.function, entry.touched).trim_end().to_owned()
}

impl CallSink for Script {
    fn before(&self, entry: &CallEntry) -> Result<(), Failure> {
        let Some(answer) = self.take(&read(entry)) else { return Ok(()) };
        thread::sleep(answer.after.min(LONGEST_PAUSE));
        answer.error.map_or(Ok(()), |error| Err(Failure::Typed(error)))
    }

    fn ended(&self, entry: CallEntry, _: &[u8]) -> Result<(), Error> {
        let mut calls = lock(&self.calls);
        if calls.len() < KEPT {
            calls.push(HostCall { call: read(&entry), outcome: entry.outcome });
        }
        Ok(())
    }
}

/// Events that nobody hears but the script.
pub(super) struct Unheard;

impl Events for Unheard {
    fn fire(&self, _: &str, _: Caller<'_>) {}

    fn system_panic(&self, _: &str, _: Caller<'_>) {}
}
