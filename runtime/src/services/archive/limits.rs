//! What an archive may hold, and whose memory it takes while it is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::budget::{Budget, Charge};
use crate::limits::{Allowed, LimitReached, Limits};
use crate::services::ServiceError;
use crate::tensor::TensorError;

/// What an archive may hold. By default that is what a component has by default, with any number of bytes, and its
/// memory counts nowhere.
#[derive(Debug)]
pub struct ArchiveLimits {
    /// The bytes of the archive.
    pub bytes: u64,
    /// Files and directories together.
    pub entries: u64,
    /// Directories inside each other.
    pub depth: u64,
    /// Where it counts what making the archive takes.
    pub account: ArchiveAccount,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            bytes: u64::MAX,
            entries: Limits::DEFAULT.archive_entries,
            depth: Limits::DEFAULT.archive_depth,
            account: ArchiveAccount::default(),
        }
    }
}

/// What is held in memory for an entry until the archive's end, in bytes: its name in the list of a directory, and its
/// record in the archive's own, both lists that double where they grow.
const ENTRY: u64 = 256;
/// The same for each byte of its path: in these lists, while it is written, and in the report.
const PATH: u64 = 4;

impl ArchiveLimits {
    /// Fails where a directory lies deeper than any may.
    pub(super) fn enter(&self, depth: u64) -> Result<(), ServiceError> {
        if depth > self.depth {
            return Err(reached("archive-depth", self.depth));
        }
        self.account.note(0, depth);
        Ok(())
    }

    /// Takes the memory of one more entry, the `number`th. Fails where there is none, or where there are enough.
    pub(super) fn add(&mut self, number: u64, path: usize) -> Result<(), ServiceError> {
        if number > self.entries {
            return Err(reached("archive-entries", self.entries));
        }
        self.account.note(number, 0);
        self.account.take(PATH.saturating_mul(path as u64).saturating_add(ENTRY))
    }
}

fn reached(limit: &'static str, allowed: u64) -> ServiceError {
    told(LimitReached { limit, allowed: Allowed::Count(allowed) })
}

fn told(reached: LimitReached) -> ServiceError {
    ServiceError::QuotaExceeded(reached.told())
}

/// What an archive takes while it is made, on the account of the component that it is made for. All memory is given
/// back where this is dropped. The default is nobody's, and takes what it will.
#[derive(Debug, Default)]
pub struct ArchiveAccount {
    memory: Option<Charge>,
    most: Arc<MostArchived>,
}

/// The most that any archive of a component held.
#[derive(Debug, Default)]
pub(crate) struct MostArchived {
    pub(crate) entries: AtomicU64,
    pub(crate) depth: AtomicU64,
}

impl ArchiveAccount {
    pub(crate) fn of(budget: &Budget, most: &Arc<MostArchived>) -> Self {
        Self { memory: Some(budget.buffers()), most: Arc::clone(most) }
    }

    /// Takes so many bytes more, before they are there: they count in `memory` from then on.
    ///
    /// # Errors
    ///
    /// `QuotaExceeded` where the component may not hold so much, in the words that it is told. Nothing is taken then.
    pub fn take(&mut self, bytes: u64) -> Result<(), ServiceError> {
        let Some(memory) = &mut self.memory else { return Ok(()) };
        memory.resize(memory.bytes().saturating_add(bytes)).map_err(|error| match error {
            TensorError::Limit(reached) => told(reached),
            other => ServiceError::Unavailable(other.to_string()),
        })
    }

    /// The archive has so many entries, and so many directories inside each other: for the component's report.
    pub fn note(&self, entries: u64, depth: u64) {
        self.most.entries.fetch_max(entries, Ordering::Relaxed);
        self.most.depth.fetch_max(depth, Ordering::Relaxed);
    }
}
