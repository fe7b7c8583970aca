//! What a component has used.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

pub use crate::host::cleanup::Deleted;
pub use crate::host::object_store::Stored;
pub use crate::tree::Listing;

/// What an instance has used so far, for whoever looks while it is at work.
#[derive(Clone, Default)]
pub(crate) struct Spent(Arc<Mutex<Usage>>);

impl Spent {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Usage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an instance has used so far.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Calls into the component.
    pub calls: u64,
    /// The time of these calls, host functions included, in seconds.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
    /// The most that its memories and tables came to, in bytes; where several instances shared the work, of one.
    pub peak_memory: u64,
    /// Bytes of tensors and files that it read.
    pub bytes_read: u64,
    /// Bytes of tensors and files that it wrote.
    pub bytes_written: u64,
    /// Calls from the component into the host.
    pub host_calls: HostCalls,
    /// What it stored, the first thousand objects.
    pub stored: Vec<Stored>,
    /// What it deleted, the first thousand deletions.
    pub deleted: Vec<Deleted>,
    /// The most that it used of each limit that no other figure here tells of.
    #[serde(skip)]
    pub most: LimitUse,
    /// What it stored besides: objects and their bytes.
    #[serde(skip)]
    pub stored_besides: Besides,
    /// What it deleted besides.
    #[serde(skip)]
    pub deleted_besides: Besides,
    /// The calls into the host that were refused, as the policy does not grant them.
    #[serde(skip)]
    pub refusals: u64,
}

/// What is only counted of what was stored or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Besides {
    /// Objects, or deletions.
    pub count: u64,
    /// Files that were deleted.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Besides {
    /// Counts one more.
    pub(crate) fn add(&mut self, files: u64, bytes: u64) {
        self.count = self.count.saturating_add(1);
        self.files = self.files.saturating_add(files);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The most that was used of limits: of what adds up the sum, of what comes and goes the most at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitUse {
    /// The time of compiling it; none where it was compiled before.
    pub compile_time: Duration,
    /// The address space of the process that compiled it, in bytes; unknown where a thread of this one did.
    pub compile_memory: Option<u64>,
    /// Core instances, memories or tables, of whichever there are most; those that shared the work included.
    pub instances: u64,
    /// The elements of all tables together.
    pub table_elements: u64,
    /// Handles that were open at a time.
    pub handles: u64,
    /// Bytes that the host kept beyond what was given.
    pub host_bytes: u64,
    /// The bytes of the largest read or write of a tensor or a file.
    pub call_bytes: u64,
    /// The time of the longest call.
    pub call_time: Duration,
    /// Instances that shared the work.
    pub cores: u64,
    /// Lines in the log, those that were dropped aside.
    pub log_lines: u64,
    /// The bytes of the longest line, as it was written.
    pub log_line: u64,
    /// Figures in the report of a call.
    pub gauges: u64,
    /// Events that were fired.
    pub events: u64,
    /// Files that were begun, and directories that were made.
    pub files: u64,
    /// Directories and files that were open at a time.
    pub open_files: u64,
    /// Bytes that were written to files.
    pub file_bytes: u64,
    /// Bytes that were uploaded.
    pub upload_bytes: u64,
    /// The entries of the archive that had most.
    pub archive_entries: u64,
    /// Directories inside each other, of the archive that had most.
    pub archive_depth: u64,
    /// Calls of the object store.
    pub store_calls: u64,
    /// Requests to the hub.
    pub hub_calls: u64,
    /// The bytes of the lines about its calls in an audit trail.
    pub audit_bytes: u64,
}

impl LimitUse {
    /// Of each limit what was used more.
    pub(crate) fn or_more(self, other: &Self) -> Self {
        macro_rules! higher {
            ($($limit:ident)*) => { Self { $($limit: self.$limit.max(other.$limit)),* } };
        }
        higher! {
            compile_time compile_memory instances table_elements handles host_bytes call_bytes call_time cores
            log_lines log_line gauges events files open_files file_bytes upload_bytes archive_entries archive_depth
            store_calls hub_calls audit_bytes
        }
    }
}

impl Usage {
    /// With that of another instance that did part of the work.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.calls += other.calls;
        self.time += other.time;
        self.peak_memory = self.peak_memory.max(other.peak_memory);
        self.host_calls.add(&other.host_calls);
        // They are there at the same time, and one limit is on all of them.
        let instances = self.most.instances.saturating_add(other.most.instances);
        self.most = LimitUse { instances, ..self.most.or_more(&other.most) };
        self.refusals = self.refusals.saturating_add(other.refusals);
        self
    }
}

/// Calls into the host, by interface.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HostCalls {
    /// `flip:fl/log`.
    pub log: u64,
    /// `flip:fl/context`.
    pub context: u64,
    /// `flip:fl/exchange`.
    pub exchange: u64,
    /// `flip:fl/tensors`.
    pub tensors: u64,
    /// `flip:fl/events`.
    pub events: u64,
    /// `flip:fl/storage`.
    pub storage: u64,
    /// `flip:fl/cleanup`.
    pub cleanup: u64,
    /// `flip:fl/object-store`.
    #[serde(rename = "object-store")]
    pub object_store: u64,
    /// `flip:fl/hub`.
    pub hub: u64,
    /// `flip:fl/peers`.
    pub peers: u64,
    /// Every WASI interface.
    pub wasi: u64,
}

impl HostCalls {
    fn add(&mut self, other: &Self) {
        macro_rules! add {
            ($($interface:ident)*) => { $(self.$interface += other.$interface;)* };
        }
        add! { log context exchange tensors events storage cleanup object_store hub peers wasi }
    }

    /// The calls of all interfaces.
    pub fn total(&self) -> u64 {
        self.by_interface().into_iter().map(|(_, calls)| calls).sum()
    }

    /// The calls of each interface, by its name.
    pub fn by_interface(&self) -> [(&'static str, u64); 11] {
        let Self {
            log,
            context,
            exchange,
            tensors,
            events,
            storage,
            cleanup,
            object_store,
            hub,
            peers,
            wasi,
        } = self;
        [
            ("log", *log),
            ("context", *context),
            ("exchange", *exchange),
            ("tensors", *tensors),
            ("events", *events),
            ("storage", *storage),
            ("cleanup", *cleanup),
            ("object-store", *object_store),
            ("hub", *hub),
            ("peers", *peers),
            ("wasi", *wasi),
        ]
    }
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
