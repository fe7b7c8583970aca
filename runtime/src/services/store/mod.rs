//! An object store: what it does, and where one is.

mod directory;
mod error;
mod hashed;
mod key;
mod local;
mod open;
mod real;
mod upload;

pub use open::StoreOptions;
pub use real::Store;

use bytes::Bytes;
use cap_std::fs::Dir;

use crate::inspect::Digest;
use crate::services::{ArchiveEntry, ArchiveLimits, Call, ServiceError};

/// S3, or whatever else speaks for it. Keys lie under a prefix that the caller does not see.
pub trait ObjectStore: Send + Sync {
    /// Stores one object.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a key that is no key, or that exists: nothing is overwritten. `Unavailable`
    /// where the service fails, and the call's own end. Nothing is stored then.
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError>;

    /// Zips what a directory holds while uploading it, within these limits. A store that holds much in memory for it takes
    /// that of [`ArchiveLimits::account`] first, and drops it when no more is left.
    ///
    /// # Errors
    ///
    /// As [`ObjectStore::put`]; `InvalidArgument` also for a file's name that is not UTF-8,
    /// `QuotaExceeded` where the archive grows too large, too deep or has too many entries, or where there is no memory
    /// for it.
    fn put_archive(
        &self,
        call: &Call,
        key: &str,
        source: &Dir,
        limits: ArchiveLimits,
    ) -> Result<Archived, ServiceError>;

    /// Up to `len` bytes from byte `offset`; fewer at the end of the object. They are held in memory: the
    /// caller bounds `len`.
    ///
    /// # Errors
    ///
    /// `NotFound` where nothing has the key, `Unavailable` where the service fails, and the call's own end.
    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<Bytes, ServiceError>;

    /// What is stored under the key.
    ///
    /// # Errors
    ///
    /// As [`ObjectStore::get`].
    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError>;
}

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The key, as the caller gave it.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// The service's own mark of this version of the object.
    pub e_tag: Option<String>,
}

/// What became of an archive.
#[derive(Clone, Debug)]
pub struct Archived {
    /// The object.
    pub meta: ObjectMeta,
    /// The first of its entries.
    pub entries: Vec<ArchiveEntry>,
    /// How many files it holds.
    pub files: u64,
    /// What they come to before compression.
    pub bytes: u64,
    /// The digest of the archive, where the store has read it on its way.
    pub sha256: Option<Digest>,
}
