//! A result as it comes in.

use std::fmt;

use python_json::{Dict, Value};

use crate::Reason;
use crate::limits::MAX_VALUES;

/// NVFLARE's `DXO`, as far as a generator looks into it.
pub trait Dxo: Sized {
    /// Why something of it cannot be had.
    type Error: fmt::Display;

    /// What the data is.
    fn kind(&self) -> Kind;

    /// The plain values, one JSON text.
    ///
    /// # Errors
    ///
    /// Where this kind holds none.
    fn values(&self) -> Result<String, Self::Error>;

    /// The names of a collection's members, in order.
    fn members(&self) -> Vec<String>;

    /// A collection's member.
    ///
    /// # Errors
    ///
    /// Where no member has this name.
    fn member(&self, name: &str) -> Result<Self, Self::Error>;
}

/// What the data of a dxo is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Values by name.
    Metrics,
    /// Dxos by name.
    Collection,
    /// Anything else, by NVFLARE's name.
    Other(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metrics => "METRICS",
            Self::Collection => "COLLECTION",
            Self::Other(name) => name,
        })
    }
}

/// What comes with the event that a result is there.
#[derive(Clone, Debug)]
pub struct Received<D> {
    /// Who the model is of.
    pub model_owner: Option<String>,
    /// Whose data it was validated with.
    pub data_client: Option<String>,
    /// The result.
    pub result: Option<TaskResult<D>>,
}

/// NVFLARE's `Shareable`: how a task ended, and what it carries.
#[derive(Clone, Debug)]
pub struct TaskResult<D> {
    /// NVFLARE's name of the return code.
    pub return_code: &'static str,
    /// The dxo, none where it carries none; or why it cannot be had.
    pub dxo: Result<Option<D>, String>,
}

impl<D> TaskResult<D> {
    /// The dxo that it carries.
    pub(crate) fn dxo(&self) -> Result<&D, Reason> {
        match &self.dxo {
            Ok(Some(dxo)) => Ok(dxo),
            Ok(None) => Err(Reason::NoDxo { return_code: self.return_code }),
            Err(error) => Err(Reason::Host(error.clone())),
        }
    }
}

/// The text that a property of the context holds; none where it holds none, or an empty one.
pub fn name(property: &str) -> Option<String> {
    match Value::parse(property) {
        Ok(Value::Str(name)) if !name.is_empty() => Some(name),
        _ => None,
    }
}

/// The values of a dxo: NVFLARE has them in a dict.
pub(crate) fn values<D: Dxo>(dxo: &D) -> Result<Dict, Reason> {
    let text = dxo.values().map_err(|error| Reason::Host(error.to_string()))?;
    if text.len() > MAX_VALUES {
        return Err(Reason::TooLong { len: text.len() });
    }
    match Value::parse(&text)? {
        Value::Dict(dict) => Ok(dict),
        _ => Err(Reason::NoDict),
    }
}
