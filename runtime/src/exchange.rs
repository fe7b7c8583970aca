//! NVFLARE's data exchange objects, as the host holds them.

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::flip::fl::types::{DataKind, ReturnCode};
use crate::budget::{Budget, Kept};
use crate::json::Json;
use crate::tensor::{Tensor, TensorError};

/// Collections nest no deeper than this.
pub const MAX_DEPTH: usize = 16;

/// What an entry takes besides its text: its place in the map, and a tensor's shape and its like.
const ENTRY: u64 = 512;

/// The size of an entry whose texts come to `text` bytes.
pub(crate) fn entry_len(text: usize) -> u64 {
    ENTRY + text as u64
}

/// Meta properties in their order of insertion, each as the text that it came as.
pub type Meta = IndexMap<String, Json>;

/// NVFLARE's `DXO`: data of one kind, with meta properties. A clone shares the tensors' data.
#[derive(Clone, Debug)]
pub struct Dxo {
    kind: DataKind,
    /// Meta properties, such as `NUM_STEPS_CURRENT_ROUND`.
    pub meta: Meta,
    pub(crate) data: DxoData,
}

/// What a dxo of some kind holds.
#[derive(Clone, Debug)]
pub(crate) enum DxoData {
    Tensors(IndexMap<String, Tensor>),
    Members(IndexMap<String, Dxo>),
    Values(Json),
}

impl Dxo {
    /// A dxo without data.
    pub fn new(kind: DataKind) -> Self {
        let data = match kind {
            DataKind::Weights | DataKind::WeightDiff => DxoData::Tensors(IndexMap::new()),
            DataKind::Collection => DxoData::Members(IndexMap::new()),
            _ => DxoData::Values(Json::null()),
        };
        Self { kind, meta: Meta::new(), data }
    }

    /// Weights or weight differences; none where `kind` is another.
    pub fn of_tensors(kind: DataKind, tensors: impl IntoIterator<Item = (String, Tensor)>) -> Option<Self> {
        let mut dxo = Self::new(kind);
        dxo.tensors_mut()?.extend(tensors);
        Some(dxo)
    }

    /// A collection.
    pub fn of_members(members: impl IntoIterator<Item = (String, Self)>) -> Self {
        Self {
            kind: DataKind::Collection,
            meta: Meta::new(),
            data: DxoData::Members(members.into_iter().collect()),
        }
    }

    /// What the data is.
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// The tensors in their order of insertion; none where this kind holds none.
    pub fn tensors(&self) -> Option<&IndexMap<String, Tensor>> {
        match &self.data {
            DxoData::Tensors(tensors) => Some(tensors),
            _ => None,
        }
    }

    /// The tensors, to change them.
    pub fn tensors_mut(&mut self) -> Option<&mut IndexMap<String, Tensor>> {
        match &mut self.data {
            DxoData::Tensors(tensors) => Some(tensors),
            _ => None,
        }
    }

    /// The members of a collection; none for another kind.
    pub fn members(&self) -> Option<&IndexMap<String, Self>> {
        match &self.data {
            DxoData::Members(members) => Some(members),
            _ => None,
        }
    }

    /// Whether some of its data is read from a file, or from what an embedder keeps.
    pub(crate) fn has_files(&self) -> bool {
        match &self.data {
            DxoData::Tensors(tensors) => tensors.values().any(Tensor::is_read),
            DxoData::Members(members) => members.values().any(Self::has_files),
            DxoData::Values(_) => false,
        }
    }

    /// The plain values; none where this kind holds tensors or members.
    pub fn values(&self) -> Option<&Json> {
        match &self.data {
            DxoData::Values(values) => Some(values),
            _ => None,
        }
    }

    /// Replaces the plain values; `false` where this kind holds none.
    pub fn set_values(&mut self, values: Json) -> bool {
        match &mut self.data {
            DxoData::Values(old) => {
                *old = values;
                true
            }
            _ => false,
        }
    }

    /// A meta property, parsed; none where it is missing or no `T`.
    pub fn meta_as<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.meta.get(key)?.to().ok()
    }

    /// Sets a meta property.
    ///
    /// # Errors
    ///
    /// Where `value` has no JSON form.
    pub fn set_meta(&mut self, key: &str, value: &impl Serialize) -> serde_json::Result<()> {
        self.meta.insert(key.to_owned(), Json::of(value)?);
        Ok(())
    }

    /// Whether there is nothing to filter.
    pub fn is_empty(&self) -> bool {
        match &self.data {
            DxoData::Tensors(tensors) => tensors.is_empty(),
            DxoData::Members(members) => members.is_empty(),
            DxoData::Values(values) => matches!(values.text(), "null" | "{}" | "[]"),
        }
    }

    /// How deep collections nest: 1 for a leaf.
    pub(crate) fn depth(&self) -> usize {
        match &self.data {
            DxoData::Members(members) => 1 + members.values().map(Self::depth).max().unwrap_or(0),
            _ => 1,
        }
    }

    /// The size of the tensors in bytes, those of members included.
    pub(crate) fn byte_len(&self) -> u64 {
        match &self.data {
            DxoData::Tensors(tensors) => tensors.values().map(Tensor::byte_len).fold(0, u64::saturating_add),
            DxoData::Members(members) => members.values().map(Self::byte_len).fold(0, u64::saturating_add),
            DxoData::Values(_) => 0,
        }
    }

    /// The data leaves the component: it no longer pays for it.
    pub(crate) fn release(&mut self) {
        match &mut self.data {
            DxoData::Tensors(tensors) => tensors.values_mut().for_each(Tensor::release),
            DxoData::Members(members) => members.values_mut().for_each(Self::release),
            DxoData::Values(_) => {}
        }
    }

    /// The size of names, meta and values in bytes, those of members included.
    pub(crate) fn text_len(&self) -> u64 {
        let meta = self.meta.iter().map(|(key, value)| entry_len(key.len() + value.text().len()));
        let data = match &self.data {
            DxoData::Tensors(tensors) => tensors.keys().map(|name| entry_len(name.len())).sum(),
            DxoData::Values(values) => values.text().len() as u64,
            DxoData::Members(members) => {
                members.iter().map(|(name, member)| entry_len(name.len()) + member.text_len()).sum()
            }
        };
        meta.sum::<u64>() + data
    }

    /// Puts what the host keeps of the tensors on a component's account; [`Dxo::kept`] says how much that is.
    pub(crate) fn charge(&mut self, budget: &Budget) -> Result<(), TensorError> {
        let tensors = self.tensors_mut().into_iter().flat_map(IndexMap::values_mut);
        tensors.filter(|tensor| tensor.is_kept()).try_for_each(|tensor| tensor.charge(budget))
    }

    /// What the host keeps of it for the component that has it: names, meta and values, and the tensors that lie in
    /// memory or were made or written to by components. Others are in a file that is there anyway.
    pub(crate) fn kept(&self) -> Kept {
        let tensors = self.tensors().into_iter().flat_map(IndexMap::values);
        let tensors =
            tensors.filter(|tensor| tensor.is_kept()).map(Tensor::byte_len).fold(0, u64::saturating_add);
        Kept { texts: self.text_len(), tensors }
    }
}

/// NVFLARE's `Shareable`: a task's data or its result.
#[derive(Clone, Debug)]
pub struct Shareable {
    /// How the task that made it ended.
    pub return_code: ReturnCode,
    /// Headers in their order of insertion.
    pub headers: IndexMap<String, Json>,
    /// What it carries; none where that is no dxo.
    pub dxo: Option<Dxo>,
}

impl Shareable {
    /// The result of a task that went well.
    pub fn ok(dxo: Dxo) -> Self {
        Self { return_code: ReturnCode::Ok, headers: IndexMap::new(), dxo: Some(dxo) }
    }
}

impl DataKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::FlModel,
        Self::Weights,
        Self::WeightDiff,
        Self::Metrics,
        Self::Analytic,
        Self::Collection,
        Self::Statistics,
        Self::Psi,
        Self::AppDefined,
    ];

    /// NVFLARE's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::FlModel => "FL_MODEL",
            Self::Weights => "WEIGHTS",
            Self::WeightDiff => "WEIGHT_DIFF",
            Self::Metrics => "METRICS",
            Self::Analytic => "ANALYTIC",
            Self::Collection => "COLLECTION",
            Self::Statistics => "STATISTICS",
            Self::Psi => "PSI",
            Self::AppDefined => "APP_DEFINED",
        }
    }

    /// The kind that NVFLARE calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Every return code, with NVFLARE's name.
const RETURN_CODES: [(ReturnCode, &str); 25] = [
    (ReturnCode::Ok, "OK"),
    (ReturnCode::BadPeerContext, "BAD_PEER_CONTEXT"),
    (ReturnCode::BadRequestData, "BAD_REQUEST_DATA"),
    (ReturnCode::BadTaskData, "BAD_TASK_DATA"),
    (ReturnCode::CommunicationError, "COMMUNICATION_ERROR"),
    (ReturnCode::Timeout, "TIMEOUT"),
    (ReturnCode::Error, "ERROR"),
    (ReturnCode::ExecutionException, "EXECUTION_EXCEPTION"),
    (ReturnCode::ExecutionResultError, "EXECUTION_RESULT_ERROR"),
    (ReturnCode::HandlerException, "HANDLER_EXCEPTION"),
    (ReturnCode::MissingPeerContext, "MISSING_PEER_CONTEXT"),
    (ReturnCode::RunMismatch, "RUN_MISMATCH"),
    (ReturnCode::TaskAborted, "TASK_ABORTED"),
    (ReturnCode::TaskDataFilterError, "TASK_DATA_FILTER_ERROR"),
    (ReturnCode::TaskResultFilterError, "TASK_RESULT_FILTER_ERROR"),
    (ReturnCode::TaskUnknown, "TASK_UNKNOWN"),
    (ReturnCode::TaskUnsupported, "TASK_UNSUPPORTED"),
    (ReturnCode::TopicUnknown, "TOPIC_UNKNOWN"),
    (ReturnCode::ModelUnrecognized, "MODEL_UNRECOGNIZED"),
    (ReturnCode::ValidateTypeUnknown, "VALIDATE_TYPE_UNKNOWN"),
    (ReturnCode::EmptyResult, "EMPTY_RESULT"),
    (ReturnCode::UnsafeJob, "UNSAFE_JOB"),
    (ReturnCode::EarlyTermination, "EARLY_TERMINATION"),
    (ReturnCode::ServerNotReady, "SERVER_NOT_READY"),
    (ReturnCode::ServiceUnavailable, "SERVICE_UNAVAILABLE"),
];

impl ReturnCode {
    /// NVFLARE's name.
    pub fn name(self) -> &'static str {
        RETURN_CODES.iter().find_map(|(code, name)| (*code == self).then_some(*name)).unwrap_or("ERROR")
    }

    /// The return code that NVFLARE calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        RETURN_CODES.iter().find_map(|(code, known)| (*known == name).then_some(*code))
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::tensor::Dtype;

    #[test]
    fn what_leaves_in_a_collection_is_no_longer_paid_for() {
        let budget = Budget::new(&Limits { host_bytes: 8, ..Limits::default() }, true);
        let tensor = Tensor::charged_zeros(Dtype::Float32, &[2], &budget).unwrap();
        let member = Dxo::of_tensors(DataKind::Weights, [("a".to_owned(), tensor)]).unwrap();
        let mut collection = Dxo::of_members([("m".to_owned(), member)]);
        collection.release();
        assert!(budget.charge(8).is_ok());
    }

    #[test]
    fn what_lies_in_a_file_takes_nothing_of_the_hosts_whoever_put_it_in() {
        let file = std::sync::Arc::new(tempfile::tempfile().unwrap());
        let range = crate::tensor::FileRange::new(file, 0, 8);
        let tensor = Tensor::from_file(Dtype::Float32, &[2], range).unwrap();
        let zeros = Tensor::zeros(Dtype::Float32, &[4]).unwrap();
        let tensors = [("a".to_owned(), tensor), ("b".to_owned(), zeros)];
        let dxo = Dxo::of_tensors(DataKind::Weights, tensors).unwrap();
        assert_eq!(dxo.kept().tensors, 16);
    }
}
