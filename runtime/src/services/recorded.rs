//! Services that keep what they were asked: for tests, and for runs that must reach nobody.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cap_std::fs::Dir;

use crate::services::{
    ArchiveLimits, Archived, Call, Hub, HubMessage, HubRequest, ObjectMeta, ObjectStore, ServiceError,
};

/// What a recording keeps at most.
const KEPT: usize = 10_000;

/// The first so many of what came, in order.
#[derive(Debug)]
struct Recording<T>(Mutex<Vec<T>>);

impl<T> Default for Recording<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Recording<T> {
    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // A list is whole between two pushes, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, item: T) {
        let mut items = self.lock();
        if items.len() < KEPT {
            items.push(item);
        }
    }

    fn items(&self) -> Vec<T> {
        self.lock().clone()
    }
}

/// What a hub's recording keeps at most, in bytes.
const KEPT_BYTES: usize = 64 << 20;

/// A hub that keeps the first 10 000 requests, or the first 64 MiB of them, and sends none.
#[derive(Debug, Default)]
pub struct RecordedHub {
    requests: Recording<HubRequest>,
    bytes: AtomicUsize,
}

impl RecordedHub {
    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<HubRequest> {
        self.requests.items()
    }
}

impl Hub for RecordedHub {
    fn send(&self, call: &Call, message: &HubMessage) -> Result<(), ServiceError> {
        let request = message.request()?;
        call.check()?;
        let bytes = request.path.len() + request.body.as_ref().map_or(0, String::len);
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) < KEPT_BYTES {
            self.requests.push(request);
        }
        Ok(())
    }
}

/// One call of a [`RecordedStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCall {
    /// The function of the contract: `put`, `put-archive`, `get` or `head`.
    pub function: &'static str,
    /// The key, as the caller gave it.
    pub key: String,
}

/// An object store that keeps the first 10 000 calls and has another one carry them out, such as a
/// [`Store`](crate::services::Store) of `memory://`.
#[derive(Debug)]
pub struct RecordedStore<S> {
    store: S,
    calls: Recording<StoreCall>,
}

impl<S: ObjectStore> RecordedStore<S> {
    /// Records what `store` is asked.
    pub fn new(store: S) -> Self {
        Self { store, calls: Recording::default() }
    }

    /// The calls so far, in order.
    pub fn calls(&self) -> Vec<StoreCall> {
        self.calls.items()
    }

    fn keep(&self, function: &'static str, key: &str) -> &S {
        self.calls.push(StoreCall { function, key: key.to_owned() });
        &self.store
    }
}

impl<S: ObjectStore> ObjectStore for RecordedStore<S> {
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        self.keep("put", key).put(call, key, contents)
    }

    fn put_archive(
        &self,
        call: &Call,
        key: &str,
        source: &Dir,
        limits: ArchiveLimits,
    ) -> Result<Archived, ServiceError> {
        self.keep("put-archive", key).put_archive(call, key, source, limits)
    }

    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<Bytes, ServiceError> {
        self.keep("get", key).get(call, key, offset, len)
    }

    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError> {
        self.keep("head", key).head(call, key)
    }
}
