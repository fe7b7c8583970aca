//! A hub and an object store that take their time over what they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cap_std::fs::Dir;
use flip_runtime::services::{
    ArchiveLimits, Archived, Call, Hub, HubMessage, ObjectMeta, ObjectStore, RecordedStore, ServiceError,
    Store,
};

/// What a service waits for, before it does what it is asked and after.
pub trait Pace: Send + Sync {
    /// It begins.
    ///
    /// # Errors
    ///
    /// Where it does not.
    fn begin(&self, call: &Call) -> Result<(), ServiceError>;

    /// What it was asked is done.
    ///
    /// # Errors
    ///
    /// In the place of the answer.
    fn end(&self, call: &Call) -> Result<(), ServiceError>;
}

/// The services.
pub struct Paced<P> {
    pace: P,
    store: Arc<RecordedStore<Store>>,
    sent: AtomicUsize,
}

impl<P: Pace> Paced<P> {
    /// A store that does what this one does, and a hub, both at this pace.
    pub fn new(pace: P, store: Arc<RecordedStore<Store>>) -> Self {
        Self { pace, store, sent: AtomicUsize::new(0) }
    }

    /// Their pace.
    pub fn pace(&self) -> &P {
        &self.pace
    }

    /// How often the hub was told something.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    fn work<T>(&self, call: &Call, work: impl FnOnce() -> T) -> Result<T, ServiceError> {
        self.pace.begin(call)?;
        let done = work();
        self.pace.end(call).map(|()| done)
    }
}

impl<P: Pace> Hub for Paced<P> {
    fn send(&self, call: &Call, _: &HubMessage) -> Result<(), ServiceError> {
        self.work(call, || self.sent.fetch_add(1, Ordering::SeqCst)).map(drop)
    }
}

impl<P: Pace> ObjectStore for Paced<P> {
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        self.work(call, || self.store.put(call, key, contents))?
    }

    fn put_archive(
        &self,
        call: &Call,
        key: &str,
        source: &Dir,
        limits: ArchiveLimits,
    ) -> Result<Archived, ServiceError> {
        self.work(call, || self.store.put_archive(call, key, source, limits))?
    }

    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<Bytes, ServiceError> {
        self.work(call, || self.store.get(call, key, offset, len))?
    }

    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError> {
        self.work(call, || self.store.head(call, key))?
    }
}
