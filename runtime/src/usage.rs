//! What a component has used.

use std::time::Duration;

use serde::Serialize;

pub use crate::host::cleanup::Deleted;
pub use crate::host::object_store::Stored;

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
}

impl Usage {
    /// With that of another instance that did part of the work.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.calls += other.calls;
        self.time += other.time;
        self.peak_memory = self.peak_memory.max(other.peak_memory);
        self.host_calls.add(&other.host_calls);
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
