//! A component: what it is, what it may do, and what it used.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Besides, Deleted, Failure, Stored};

/// What ran in the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Component {
    /// Its id in the configuration.
    pub id: String,
    /// Its class, or the stem of its file.
    pub name: String,
    /// Whether it came with flip-wasm.
    pub built_in: bool,
    /// The digest of its file, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether the policy or the job asked for this digest.
    pub pinned: bool,
    /// The size of its file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The version of the contract that it was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wit_version: Option<String>,
    /// Whether an audit trail is all that tells of it: then it is not known what it asks for, nor its calls, times,
    /// bytes and memory, and its host calls are those that a trail notes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_trail: bool,
    /// Its roles.
    pub roles: Vec<String>,
    /// What it asks the host for, each with what is granted of it.
    pub requested: Vec<Request>,
    /// Lines of the policy that grant something it does not ask for.
    pub unasked: Vec<String>,
    /// What it may use, and used.
    pub limits: Vec<Limit>,
    /// What it used in all.
    pub usage: Usage,
    /// How it failed.
    pub failures: Vec<Failure>,
}

/// An interface that a component imports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Request {
    /// Its name, with its version.
    pub interface: String,
    /// What having it lets the component do; none where the host does not offer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// The functions that the component uses of it.
    pub functions: Vec<String>,
    /// What the policy grants of it.
    pub granted: Granted,
}

/// What is granted of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granted {
    /// Nothing of it.
    #[default]
    Nothing,
    /// Every component has it: its log, its context, its data.
    Always,
    /// What this line of the policy says.
    Policy(String),
}

/// A limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Limit {
    /// Its name in a policy.
    pub name: String,
    /// What may be used.
    pub allowed: f64,
    /// What was used, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<f64>,
    /// What both are counted in.
    pub unit: Unit,
}

/// What a limit is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Things.
    #[default]
    Count,
}

/// What a component used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Usage {
    /// Calls into it.
    pub calls: u64,
    /// The time of these calls, host functions included, in seconds.
    pub seconds: f64,
    /// The most that its memories and tables came to, in bytes.
    pub peak_memory: u64,
    /// Bytes of tensors and files that it read.
    pub bytes_read: u64,
    /// Bytes of tensors and files that it wrote.
    pub bytes_written: u64,
    /// Calls from it into the host, by interface.
    pub host_calls: IndexMap<String, u64>,
    /// The host calls that were refused, as the policy does not grant them.
    pub refusals: u64,
    /// What it stored.
    pub stored: Vec<Stored>,
    /// What it stored besides.
    #[serde(skip_serializing_if = "Besides::is_nothing")]
    pub stored_besides: Besides,
    /// What it deleted.
    pub deleted: Vec<Deleted>,
    /// What it deleted besides.
    #[serde(skip_serializing_if = "Besides::is_nothing")]
    pub deleted_besides: Besides,
}

impl Usage {
    /// The calls of all interfaces.
    pub fn host_calls_total(&self) -> u64 {
        self.host_calls.values().fold(0, |sum, calls| sum.saturating_add(*calls))
    }

    /// All objects that it stored, and their bytes.
    pub fn stored_total(&self) -> (u64, u64) {
        let listed = self.stored.iter().map(|stored| stored.size);
        let bytes = listed.fold(self.stored_besides.bytes, u64::saturating_add);
        (self.stored_besides.count.saturating_add(self.stored.len() as u64), bytes)
    }

    /// All files that it deleted, and their bytes.
    pub fn deleted_total(&self) -> (u64, u64) {
        let Besides { files, bytes, .. } = self.deleted_besides;
        self.deleted.iter().fold((files, bytes), |(files, bytes), deleted| {
            (files.saturating_add(deleted.files), bytes.saturating_add(deleted.bytes))
        })
    }
}
