//! A hub and an object store that fail as they are told.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use cap_std::fs::Dir;
use flip_runtime::services::{
    ArchiveLimits, Archived, Call, Hub, HubMessage, ObjectMeta, ObjectStore, ServiceError,
};

/// How a service fails.
pub enum Fails {
    /// With this error.
    With(ServiceError),
    /// After it has sent so many bytes.
    AfterSending(u64),
    /// It panics.
    Panics,
    /// It does nothing until the call's time is up, says so, and takes note of the abort signal.
    Waits,
    /// It does nothing until it is let go, whatever the time.
    Hangs(Gate),
}

/// What keeps a service waiting.
#[derive(Default)]
pub struct Gate(Mutex<Waiting>, Condvar);

#[derive(Default)]
struct Waiting {
    is_open: bool,
    /// How many have come.
    came: usize,
}

/// So long one waits at a gate that nobody opens: then the test has failed, and ends.
const AT_MOST: Duration = Duration::from_secs(120);

impl Gate {
    /// Lets everybody go who waits.
    ///
    /// # Panics
    ///
    /// Where somebody panicked who waited.
    pub fn open(&self) {
        self.0.lock().unwrap().is_open = true;
        self.1.notify_all();
    }

    /// Waits until somebody has come to it.
    ///
    /// # Panics
    ///
    /// Where somebody panicked who waited.
    pub fn wait_for_one(&self) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |waiting| waiting.came == 0).unwrap());
    }

    /// Waits until it is open.
    ///
    /// # Panics
    ///
    /// Where somebody panicked who waited.
    pub fn wait(&self) {
        let mut waiting = self.0.lock().unwrap();
        waiting.came += 1;
        self.1.notify_all();
        drop(self.1.wait_timeout_while(waiting, AT_MOST, |waiting| !waiting.is_open).unwrap());
    }
}

impl Fails {
    fn fail<T>(&self, call: &Call) -> Result<T, ServiceError> {
        match self {
            Self::With(error) => Err(error.clone()),
            Self::AfterSending(bytes) => {
                call.count_sent(*bytes);
                Err(ServiceError::Unavailable("it broke off".to_owned()))
            }
            Self::Panics => panic!("a bug in the service"),
            Self::Waits => loop {
                call.check()?;
                std::thread::yield_now();
            },
            Self::Hangs(gate) => {
                gate.wait();
                Err(ServiceError::TimedOut)
            }
        }
    }
}

impl Hub for Fails {
    fn send(&self, call: &Call, _: &HubMessage) -> Result<(), ServiceError> {
        self.fail(call)
    }
}

impl ObjectStore for Fails {
    fn put(&self, call: &Call, _: &str, _: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        self.fail(call)
    }

    fn put_archive(&self, call: &Call, _: &str, _: &Dir, _: ArchiveLimits) -> Result<Archived, ServiceError> {
        self.fail(call)
    }

    fn get(&self, call: &Call, _: &str, _: u64, _: u32) -> Result<Bytes, ServiceError> {
        self.fail(call)
    }

    fn head(&self, call: &Call, _: &str) -> Result<ObjectMeta, ServiceError> {
        self.fail(call)
    }
}
