//! Tasks, and what left a place or was held back there.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Change, Failure};

/// NVFLARE's return code of a task whose data a filter did not let in.
const KEPT_OUT: &str = "TASK_DATA_FILTER_ERROR";

/// A task that an executor carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Task {
    /// Its number in the trace.
    pub seq: u64,
    /// The site.
    pub at: String,
    /// Its name.
    pub task: String,
    /// The id of the executor.
    pub executor: String,
    /// NVFLARE's return code.
    pub return_code: String,
    /// What the executor said of its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
}

impl Task {
    /// Whether its data was not let in: then the executor is the filter that refused it, where that is known.
    pub fn kept_out(&self) -> bool {
        self.return_code == KEPT_OUT
    }

    /// Whether it was carried out, and failed.
    pub fn failed(&self) -> bool {
        self.exception.is_some() && !self.kept_out()
    }
}

/// A result that was on its way out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Outgoing {
    /// Its number in the trace.
    pub seq: u64,
    /// The site.
    pub at: String,
    /// The task.
    pub task: String,
    /// The return code with which it left.
    pub return_code: String,
    /// The data, as it left or as it was held back; none where it carried none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// The filters that it went through, in order.
    pub filters: Vec<Applied>,
    /// The ids of filters that failed on it, and that the policy lets it pass in spite of.
    pub unfiltered: Vec<String>,
    /// Why it did not leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Failure>,
    /// Where what left was written.
    pub files: Vec<LeftFile>,
}

impl Outgoing {
    /// Whether data left with it.
    pub fn left(&self) -> bool {
        self.refused.is_none() && (self.data.is_some() || !self.files.is_empty())
    }

    /// Whether a filter did its work on all of it: at least one changed every leaf, and none failed.
    pub fn work(&self) -> Work {
        let changed_all = |filter: &Applied| {
            !filter.leaves.is_empty() && filter.leaves.iter().all(|leaf| leaf.outcome == Outcome::Filtered)
        };
        if !self.unfiltered.is_empty() {
            Work::NotDone
        } else if self.filters.iter().any(changed_all) {
            Work::Done
        } else if self.filters.iter().any(|filter| filter.unknown) {
            Work::Unknown
        } else {
            Work::NotDone
        }
    }

    /// Whether it is known that a filter did its work on all of it.
    pub fn filtered(&self) -> bool {
        self.work() == Work::Done
    }
}

/// Whether a filter did its work on all of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One did.
    Done,
    /// An audit trail names the filters that it went through, and not what they did.
    Unknown,
    /// None did, or one failed.
    NotDone,
}

/// Data on its way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Data {
    /// NVFLARE's name of its kind, such as `WEIGHT_DIFF`.
    pub kind: String,
    /// The number of its tensors.
    pub tensors: u64,
    /// The number of their elements, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<u64>,
    /// The bytes of its tensors and plain values.
    pub bytes: u64,
    /// The digest of its tensors, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A file that left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct LeftFile {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its digest, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A filter that was applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Applied {
    /// Its id in the configuration.
    pub id: String,
    /// What became of each leaf of the data.
    pub leaves: Vec<Leaf>,
    /// Whether that is not known: an audit trail says that it was applied, and no more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// What became of one leaf.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Leaf {
    /// The names of the collections' members that lead to it, joined by dots; empty for the data itself.
    pub path: String,
    /// What the filter did.
    pub outcome: Outcome,
    /// Why it left it as it was, or was not shown it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The figures that the filter reported; none is one that is no finite number.
    pub gauges: IndexMap<String, Option<f64>>,
    /// How the tensors changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// What a filter did to a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was changed as configured.
    Filtered,
    /// The filter left it as it was on purpose.
    Unchanged,
    /// The filter was not shown it.
    #[default]
    PassedBy,
}
