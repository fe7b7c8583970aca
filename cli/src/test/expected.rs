//! What must come of a call: how it ends, and what it asks of the host.

use std::time::Duration;

use flip_runtime::ContractError;
use flip_runtime::testing::Answer;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::data::{DxoSpec, ShareableSpec};

/// How a call ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gives {
    /// Well, with nothing to show.
    Ok,
    /// An event handler did not ask for this event, and is not called.
    Unheard,
    /// A filter has filtered, and lets this out.
    Filtered(DxoSpec),
    /// A filter has left it as it was on purpose, for this reason.
    Unchanged(String),
    /// A filter was not shown it, for this reason.
    PassedBy(String),
    /// A filter refuses to let it out, for this reason.
    Refused(String),
    /// A filter treats the members of a collection differently.
    Members(MembersSpec),
    /// An executor replies.
    Reply(ShareableSpec),
    /// Whether every task failed.
    Failed(bool),
    /// The names of models.
    Names(Vec<String>),
    /// A model, or none.
    Model(Option<DxoSpec>),
    /// An error of the contract.
    Error(ErrorSpec),
    /// A trap; the reason begins like this.
    Trap(String),
    /// This limit is reached.
    Limit(String),
    /// The host refuses what it answers, or to call it, for this reason.
    Invalid(String),
}

/// A collection whose members a filter treats differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MembersSpec {
    /// What it says of each: `filtered`, or `unchanged: text`.
    pub each: IndexMap<String, String>,
    /// What it lets out.
    pub dxo: DxoSpec,
}

/// An error of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorSpec {
    /// `invalid-argument`.
    InvalidArgument(String),
    /// `invalid-data`.
    InvalidData(String),
    /// `not-found`.
    NotFound(String),
    /// `not-permitted`.
    NotPermitted(String),
    /// `quota-exceeded`.
    QuotaExceeded(String),
    /// `unavailable`.
    Unavailable(String),
    /// `aborted`.
    Aborted,
}

impl ErrorSpec {
    pub fn of(error: &ContractError) -> Self {
        use ContractError as E;
        match error.clone() {
            E::InvalidArgument(text) => Self::InvalidArgument(text),
            E::InvalidData(text) => Self::InvalidData(text),
            E::NotFound(text) => Self::NotFound(text),
            E::NotPermitted(text) => Self::NotPermitted(text),
            E::QuotaExceeded(text) => Self::QuotaExceeded(text),
            E::Unavailable(text) => Self::Unavailable(text),
            E::Aborted => Self::Aborted,
        }
    }

    fn error(&self) -> ContractError {
        use ContractError as E;
        match self.clone() {
            Self::InvalidArgument(text) => E::InvalidArgument(text),
            Self::InvalidData(text) => E::InvalidData(text),
            Self::NotFound(text) => E::NotFound(text),
            Self::NotPermitted(text) => E::NotPermitted(text),
            Self::QuotaExceeded(text) => E::QuotaExceeded(text),
            Self::Unavailable(text) => E::Unavailable(text),
            Self::Aborted => E::Aborted,
        }
    }

    /// Its name in the contract.
    fn name(&self) -> &'static str {
        match self {
            Self::InvalidArgument(_) => "invalid-argument",
            Self::InvalidData(_) => "invalid-data",
            Self::NotFound(_) => "not-found",
            Self::NotPermitted(_) => "not-permitted",
            Self::QuotaExceeded(_) => "quota-exceeded",
            Self::Unavailable(_) => "unavailable",
            Self::Aborted => "aborted",
        }
    }
}

/// A call into the host: as it reads, or with the answer that it gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HostSpec {
    /// `storage stat job/a = not-found`; without an outcome it goes well.
    Line(String),
    /// One that is answered in the place of the host.
    Answered(Answered),
}

/// A call into the host that is answered in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answered {
    /// The call, as it reads.
    pub call: String,
    /// The error that the component is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<ErrorSpec>,
    /// How long the answer takes, such as 200ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl HostSpec {
    /// The call as it must have gone.
    pub fn line(&self) -> String {
        match self {
            Self::Line(line) => line.clone(),
            Self::Answered(Answered { call, answers: Some(error), .. }) => {
                format!("{call} = {}", error.name())
            }
            Self::Answered(Answered { call, answers: None, .. }) => call.clone(),
        }
    }

    /// The call that is answered, and how.
    pub fn answer(&self) -> Result<Option<(&str, Answer)>, String> {
        let Self::Answered(Answered { call, answers, after }) = self else { return Ok(None) };
        let after = after.as_deref().map_or(Ok(Duration::ZERO), |text| {
            humantime::parse_duration(text).map_err(|error| format!("after: {text:?}: {error}"))
        })?;
        Ok(Some((call, Answer { error: answers.as_ref().map(ErrorSpec::error), after })))
    }
}
