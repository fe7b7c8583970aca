//! What an operator grants to one component.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CleanupRule, Pattern};
use crate::host::log::one_line;
use crate::inspect::Digest;
use crate::limits::Limits;
use crate::services::{ModelStatus, Root};

/// What an operator grants to one component, beyond its log, its context and the data that it is given.
/// Nothing by default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// The digest that the component's file must have.
    pub sha256: Option<Digest>,
    /// The directories that it may open, and how.
    pub directories: BTreeMap<Root, Access>,
    /// What it may delete: a directory's name, and a path in it whose parts may be `*` (any one name) or
    /// `{job_id}`. With a path goes everything inside.
    pub cleanup: Vec<CleanupRule>,
    /// What it may do with objects under the operator's prefix.
    pub object_store: BTreeSet<ObjectVerb>,
    /// The keys, under the operator's prefix, that it may do this with; all of them by default.
    pub object_prefixes: Option<BTreeSet<Pattern>>,
    /// What it may tell the hub.
    pub hub: BTreeSet<HubVerb>,
    /// The event types that it may fire; `_fatal_system_error` allows a system panic.
    pub events: BTreeSet<String>,
    /// The roles of the other components that it may call: any component of the job that has one.
    pub peers: BTreeSet<PeerRole>,
    /// What it may have of WASI: clocks and random numbers by default, which harm nobody. Without them its
    /// results depend on nothing but what it is given. There are no files, no network, no environment.
    pub wasi: Option<BTreeSet<WasiBit>>,
    /// What it may use; what is not named keeps its default.
    pub limits: Option<Limits>,
    /// What a filter may make of the tensors' names and shapes; else they stay as they came. Values and dtypes are
    /// a filter's to change.
    pub may_change: BTreeSet<Change>,
    /// What becomes of data that this filter failed on.
    pub on_filter_failure: OnFilterFailure,
}

impl Grants {
    /// The interfaces that something has to be granted of.
    pub const INTERFACES: [&str; 6] = [
        "flip:fl/events",
        "flip:fl/storage",
        "flip:fl/cleanup",
        "flip:fl/object-store",
        "flip:fl/hub",
        "flip:fl/peers",
    ];
    /// The part of WASI that it would import and that is withheld, the first of them.
    pub(crate) fn withheld<'a>(&self, mut imports: impl Iterator<Item = &'a str>) -> Option<WasiBit> {
        let bits = self.wasi.as_ref()?;
        imports.find_map(|interface| WasiBit::of_interface(interface).filter(|bit| !bits.contains(bit)))
    }
}

/// How a directory may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Files are read.
    Read,
    /// Files are also written and moved.
    ReadWrite,
}

/// A function of the interface `object-store`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectVerb {
    /// Stores one object.
    Put,
    /// Stores an archive of a directory.
    PutArchive,
    /// Reads an object.
    Get,
    /// Asks what is stored.
    Head,
}

/// A function of the interface `hub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HubVerb {
    /// Reports the status of a model.
    UpdateStatus,
    /// Sends a metric.
    SendMetric,
    /// Sends the text of an exception.
    SendException,
}

/// A role that another component may be called in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerRole {
    /// Gathers results.
    ResultsGenerator,
    /// Uploads results.
    ResultsPersistor,
    /// Keeps the model.
    ModelPersistor,
}

/// A part of WASI that can be withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WasiBit {
    /// Reads clocks, and waits.
    Clocks,
    /// Draws random numbers.
    Random,
}

impl WasiBit {
    /// The part that an interface of WASI belongs to; none where it cannot be withheld.
    pub(crate) fn of_interface(interface: &str) -> Option<Self> {
        match interface.split('/').next() {
            Some("wasi:clocks") => Some(Self::Clocks),
            Some("wasi:random") => Some(Self::Random),
            _ => None,
        }
    }
}

/// What a filter may change of an update, beside values and dtypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It adds tensors.
    Names,
    /// It puts a tensor of another shape in the place of one.
    Shapes,
}

/// What becomes of data that a filter failed on: it refused, trapped, or reached a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFilterFailure {
    /// It does not leave.
    #[default]
    HoldBack,
    /// It leaves as it was, as the reference does; each time with an error in the log.
    LetPass,
}

impl OnFilterFailure {
    /// Its name in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::HoldBack => "hold-back",
            Self::LetPass => "let-pass",
        }
    }
}

/// The name of a unit variant, as it stands in a policy.
macro_rules! names {
    ($($type:ty { $($variant:ident: $name:literal),+ })+) => {$(
        impl $type {
            /// Its name in a policy.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    )+};
}

names! {
    Access { Read: "read", ReadWrite: "read-write" }
    ObjectVerb { Put: "put", PutArchive: "put-archive", Get: "get", Head: "head" }
    HubVerb { UpdateStatus: "update-status", SendMetric: "send-metric", SendException: "send-exception" }
    Change { Names: "names", Shapes: "shapes" }
    WasiBit { Clocks: "clocks", Random: "random" }
    PeerRole {
        ResultsGenerator: "results-generator",
        ResultsPersistor: "results-persistor",
        ModelPersistor: "model-persistor"
    }
}

impl ModelStatus {
    /// FLIP's name, as the hub knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Initiated => "INITIATED",
            Self::Prepared => "PREPARED",
            Self::TrainingStarted => "TRAINING_STARTED",
            Self::ResultsUploaded => "RESULTS_UPLOADED",
            Self::Error => "ERROR",
            Self::Stopped => "STOPPED",
        }
    }
}

/// The longest name of an unknown directory that is shown, in bytes.
const MAX_NAME: usize = 200;

impl Root {
    /// What is said of a directory that is none, in serde's words.
    pub(super) fn unknown(name: &str) -> String {
        let known = Self::ALL.map(|root| format!("`{root}`")).join(", ");
        format!("unknown directory `{}`, expected one of {known}", one_line(name, MAX_NAME))
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::ALL
            .into_iter()
            .find(|root| root.name() == name)
            .ok_or_else(|| serde::de::Error::custom(Self::unknown(&name)))
    }
}
