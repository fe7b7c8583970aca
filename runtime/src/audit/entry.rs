//! What an audit trail says, line by line.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::error::Code;
use crate::host::log::one_line;
use crate::inspect::Digest;

/// The longest text that came from a component or a job, in bytes.
pub(crate) const MAX_TEXT: usize = 512;

/// One line of an audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 0.
    pub seq: u64,
    /// When it was written, in UTC as RFC 3339 has it.
    pub time: String,
    /// The digest of the line before it, without its line end; of nothing for the first.
    pub previous: Digest,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// A run starts: always the first line.
    Start(Start),
    /// A component is about to be configured, or is refused for its size or a WASI bit.
    Component(ComponentEntry),
    /// A component made a call that touches a file, an object, the hub or the rest of the job.
    Call(CallEntry),
    /// Data came to the components of a place.
    In(DataEntry),
    /// Data was let out of a place, or was held back there.
    Out(DataEntry),
    /// The run is over: always the last line.
    End(EndEntry),
}

/// What kind of run it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Start {
    /// The version of flip-wasm.
    pub version: String,
    /// What runs.
    pub run: RunKind,
    /// Whether it is a developer's machine, where nothing is deleted, uploaded or reported.
    pub local_dev: bool,
    /// The id of the job.
    pub job_id: Option<String>,
}

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// A job.
    Job,
    /// One filter on one update.
    Filter,
    /// A checkpoint that is listed, and converted.
    Checkpoint,
    /// Components that a program calls as it goes.
    Program,
}

/// A component, and what it may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentEntry {
    /// `server`, or the name of the site.
    pub place: String,
    /// Its id in the job.
    pub id: String,
    /// Its class, or the stem of its file.
    pub name: String,
    /// The digest of its file.
    pub sha256: Digest,
    /// Whether the policy or the job asked for this digest.
    pub pinned: bool,
    /// What is granted to it: the lines of a policy.
    pub grants: Vec<String>,
    /// What it may use; sizes in bytes, times in milliseconds.
    pub limits: IndexMap<String, u64>,
}

/// Calls of a component that touch something: one, or as many as were the same directly after each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallEntry {
    /// `server`, or the name of the site.
    pub place: String,
    /// The component's id in the job.
    pub component: String,
    /// The WIT interface.
    pub interface: Interface,
    /// Its function.
    pub function: Function,
    /// A path behind the name of its directory, the key of an object, a request to the hub, an event type, or
    /// the id of a component.
    pub touched: String,
    /// Where it went: the new path of what was moved, the key of what was archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many calls these are.
    pub calls: u64,
    /// The bytes that the component got.
    pub read: u64,
    /// The bytes that were written, stored or sent.
    pub written: u64,
    /// What was deleted, also where something stayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<DeletedEntry>,
    /// The digest of what came or went: of the bytes that were read, in the order of the calls, of an object, of a
    /// file that was written whole, of the body of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// How they ended.
    pub outcome: Outcome,
}

impl CallEntry {
    /// Whether it has an entry of its own: what was deleted, stored or sent.
    pub(super) fn stands_alone(&self) -> bool {
        self.deleted.is_some() || self.sha256.is_some()
    }

    /// Counts a call into this entry, where it is the same again.
    pub(super) fn absorb(&mut self, next: &Self) -> bool {
        let same = self.function == next.function
            && self.outcome == next.outcome
            && self.touched == next.touched
            && self.to == next.to
            && self.component == next.component
            && self.place == next.place;
        let plain = !self.stands_alone() && !next.stands_alone();
        if same && plain {
            self.calls = self.calls.saturating_add(next.calls);
            self.read = self.read.saturating_add(next.read);
            self.written = self.written.saturating_add(next.written);
        }
        same && plain
    }
}

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedEntry {
    /// Files and links.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// The bytes of the files.
    pub bytes: u64,
}

/// Data on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DataEntry {
    /// `server`, or the name of the site.
    pub place: String,
    /// The task, or the event that it came with.
    pub task: String,
    /// NVFLARE's name of the dxo's kind; none where there is no dxo.
    pub kind: Option<String>,
    /// The number of its tensors, those of members included.
    pub tensors: u64,
    /// The bytes of its tensors and plain values.
    pub bytes: u64,
    /// [`digest`](super::digest) of its tensors; none where it has none.
    pub sha256: Option<Digest>,
    /// [`text_digest`](super::text_digest) of everything else: its headers, meta properties and plain values, or the
    /// properties of an event; none where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_sha256: Option<Digest>,
    /// The size of its names, headers, meta properties and plain values as text, with some bytes for each: what a filter
    /// adds there shows.
    #[serde(default)]
    pub text_bytes: u64,
    /// The ids of the filters that it went through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// The ids of filters that failed on it, and that the policy lets it pass in spite of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfiltered: Vec<String>,
    /// Why it was held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Code>,
    /// The id of the filter that it was held back for, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndEntry {
    /// The number of lines, this one included.
    pub entries: u64,
    /// What kind of failure it ended with; none where it went well.
    pub failure: Option<Code>,
}

macro_rules! functions {
    ($($function:ident: $interface:ident $name:literal $changes:literal),+ $(,)?) => {
        /// A function of the contract that touches a file, an object, the hub or the rest of the job.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Function {
            $(
                #[doc = concat!("`", $name, "`.")]
                #[serde(rename = $name)]
                $function
            ),+
        }

        impl Function {
            /// Its name in the contract.
            pub fn name(self) -> &'static str {
                match self { $(Self::$function => $name),+ }
            }

            /// The interface that it is of.
            pub fn interface(self) -> Interface {
                match self { $(Self::$function => Interface::$interface),+ }
            }

            /// Whether something is written, moved, deleted, stored or sent, if all goes well.
            pub fn changes(self) -> bool {
                match self { $(Self::$function => $changes),+ }
            }
        }
    };
}

functions! {
    Open: Storage "open" false,
    Entries: Storage "entries" false,
    Stat: Storage "stat" false,
    Read: Storage "read" false,
    Tensor: Storage "tensor" false,
    Create: Storage "create" true,
    Append: Storage "append" true,
    Commit: Storage "commit" true,
    Discard: Storage "discard" true,
    CreateDirAll: Storage "create-dir-all" true,
    Rename: Storage "rename" true,
    Usage: Cleanup "usage" false,
    Remove: Cleanup "remove" true,
    Clear: Cleanup "clear" true,
    Put: ObjectStore "put" true,
    PutArchive: ObjectStore "put-archive" true,
    Get: ObjectStore "get" false,
    Head: ObjectStore "head" false,
    UpdateStatus: Hub "update-status" true,
    SendMetric: Hub "send-metric" true,
    SendException: Hub "send-exception" true,
    Fire: Events "fire" true,
    SystemPanic: Events "system-panic" true,
    GetResultsGenerator: Peers "get-results-generator" false,
    GetResultsPersistor: Peers "get-results-persistor" false,
    GetModelPersistor: Peers "get-model-persistor" false,
    HandleEvaluationEvent: Peers "handle-evaluation-event" true,
    AllTasksFailed: Peers "all-tasks-failed" false,
    Execute: Peers "execute" true,
    ModelInventory: Peers "model-inventory" false,
}

/// A WIT interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// Files.
    Storage,
    /// Deletions.
    Cleanup,
    /// Objects.
    ObjectStore,
    /// The Central Hub.
    Hub,
    /// Events of the job.
    Events,
    /// Other components of the job.
    Peers,
}

/// How a call ended: well, or with the kind of its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As asked.
    Ok,
    /// `invalid-argument` of the contract.
    InvalidArgument,
    /// `invalid-data` of the contract.
    InvalidData,
    /// `not-found` of the contract.
    NotFound,
    /// `not-permitted` of the contract.
    NotPermitted,
    /// `quota-exceeded` of the contract.
    QuotaExceeded,
    /// `unavailable` of the contract.
    Unavailable,
    /// `aborted` of the contract.
    Aborted,
    /// The component did not get an answer: it was ended.
    Trapped,
    /// The time was up while the call was under way: what became of it is not known.
    GivenUp,
}

macro_rules! shown_as_written {
    ($($type:ty),+) => {$(
        impl fmt::Display for $type {
            /// As it stands in the trail.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.serialize(f)
            }
        }
    )+};
}

shown_as_written!(Function, Interface, Outcome, RunKind);

/// A text from elsewhere, as it stands in the trail.
pub(crate) fn text(text: &str) -> String {
    one_line(text, MAX_TEXT)
}
