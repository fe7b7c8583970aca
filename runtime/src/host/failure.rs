//! How a host function ends that does not answer as asked.

use std::fmt;

use wasmtime::component::ResourceTableError;

use crate::bindings::flip::fl::types;
use crate::error::Failed;
use crate::limits::LimitReached;
use crate::tensor::TensorError;

/// How a host function ends that does not answer as asked.
pub enum Failure {
    /// With an error that the component can handle.
    Typed(types::Error),
    /// With a trap: the component broke the canonical ABI's own rules.
    Trap(wasmtime::Error),
}

impl Failure {
    pub(crate) fn invalid_argument(text: impl ToString) -> Self {
        Self::Typed(types::Error::InvalidArgument(text.to_string()))
    }

    pub(crate) fn unavailable(text: impl ToString) -> Self {
        Self::Typed(types::Error::Unavailable(text.to_string()))
    }

    /// A trap, where there is no component to tell.
    pub(crate) fn into_trap(self) -> wasmtime::Error {
        match self {
            Self::Typed(error) => wasmtime::Error::msg(Failed(error).to_string()),
            Self::Trap(trap) => trap,
        }
    }

    /// The error for the component, or the trap.
    pub(crate) fn into_typed(self) -> wasmtime::Result<types::Error> {
        match self {
            Self::Typed(error) => Ok(error),
            Self::Trap(trap) => Err(trap),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed(error) => Failed(error.clone()).fmt(f),
            Self::Trap(trap) => trap.fmt(f),
        }
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl From<TensorError> for Failure {
    fn from(error: TensorError) -> Self {
        let text = error.to_string();
        Self::Typed(match error {
            TensorError::Shape { .. } | TensorError::Length { .. } | TensorError::Window { .. } => {
                types::Error::InvalidArgument(text)
            }
            TensorError::Limit(reached) => types::Error::QuotaExceeded(reached.told()),
            TensorError::Io(_) => types::Error::Unavailable(text),
            TensorError::Stopped => types::Error::Aborted,
        })
    }
}

pub(super) fn quota_exceeded(reached: LimitReached) -> Failure {
    Failure::Typed(types::Error::QuotaExceeded(reached.told()))
}
