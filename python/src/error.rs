//! The runtime's errors as Python's exceptions, one to one.

use flip_runtime::services::ServiceError;
use flip_runtime::{Code, Error, TensorError};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(flip_wasm, FlipWasmError, PyException, "What went wrong; `code` says what kind it is.");

macro_rules! exceptions {
    ($($name:ident: $doc:literal,)*) => {
        $(create_exception!(flip_wasm, $name, FlipWasmError, $doc);)*

        /// Adds every exception to the module.
        pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
            let py = module.py();
            module.add("FlipWasmError", py.get_type::<FlipWasmError>())?;
            $(module.add(stringify!($name), py.get_type::<$name>())?;)*
            Ok(())
        }
    };
}

exceptions! {
    AuditFailed: "The audit trail cannot be written: nothing may happen any more.",
    ComponentBusy: "The component is in a call already; it cannot be re-entered.",
    ComponentFailed: "The component answered with an error.",
    ComponentTrapped: "The component trapped: a bug in it, or an attack.",
    FileFailed: "A file could not be read or written.",
    FilterRefused: "The filter refused to let the data out.",
    InstancePoisoned: "The instance failed in an earlier call; make a new one.",
    InvalidArgs: "The component does not accept its args.",
    InvalidComponent: "The bytes are no component that this runtime can run.",
    InvalidConfig: "A job's configuration cannot be used.",
    InvalidData: "The data cannot be used.",
    InvalidFile: "A file is not what it should be.",
    InvalidPolicy: "A policy cannot be used.",
    LimitExceeded: "The component reached one of its limits; `limit` names it.",
    MissingRole: "The component lacks the role that the call needs.",
    NoPlaceLeft: "The runtime has no place left for another instance of the component.",
    NotPermitted: "The operator has not granted it; the text has the policy's line that would.",
    RunAborted: "The run was aborted.",
    ServiceFailed: "A service behind a host interface cannot be set up, or failed.",
    SetupFailed: "The sandbox cannot be set up on this machine.",
    UnknownComponent: "No built-in component has this name.",
    WrongDigest: "The component's file is not the one that was asked for.",
}

/// An error of the runtime as an exception, with the attributes `code`, `component` and `limit`.
pub fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let text = error.to_string();
    let (exception, component, limit) = match error {
        Error::File { .. } => (FileFailed::new_err(text), None, None),
        Error::InvalidFile { .. } => (InvalidFile::new_err(text), None, None),
        Error::InvalidComponent { component, .. } => (InvalidComponent::new_err(text), Some(component), None),
        Error::UnknownComponent { name, .. } => (UnknownComponent::new_err(text), Some(name), None),
        Error::Pinned { component, .. } => (WrongDigest::new_err(text), Some(component), None),
        Error::NoRole { component, .. } => (MissingRole::new_err(text), Some(component), None),
        Error::Withheld { component, .. } => (NotPermitted::new_err(text), Some(component), None),
        Error::Args { component, .. } => (InvalidArgs::new_err(text), Some(component), None),
        Error::Refused { component, .. } => (FilterRefused::new_err(text), Some(component), None),
        Error::Failed { component, .. } => {
            let exception = match error.code() {
                Code::NotPermitted => NotPermitted::new_err(text),
                Code::Aborted => RunAborted::new_err(text),
                Code::ServiceFailed => ServiceFailed::new_err(text),
                _ => ComponentFailed::new_err(text),
            };
            (exception, Some(component), None)
        }
        Error::Trapped { component, .. } => (ComponentTrapped::new_err(text), Some(component), None),
        Error::Limit { component, reached, .. } => {
            (LimitExceeded::new_err(text), Some(component), Some(reached.limit))
        }
        Error::Poisoned { component } => (InstancePoisoned::new_err(text), Some(component), None),
        Error::NoPlace { component, .. } => (NoPlaceLeft::new_err(text), Some(component), None),
        Error::Busy { component } => (ComponentBusy::new_err(text), Some(component), None),
        Error::Policy { .. } => (InvalidPolicy::new_err(text), None, None),
        Error::Config { .. } | Error::Trace(_) => (InvalidConfig::new_err(text), None, None),
        Error::Service(ServiceError::Aborted) | Error::Tensor(TensorError::Stopped) => {
            (RunAborted::new_err(text), None, None)
        }
        Error::Service(_) => (ServiceFailed::new_err(text), None, None),
        Error::InvalidData(_) | Error::Tensor(_) => (InvalidData::new_err(text), None, None),
        Error::Audit(_) => (AuditFailed::new_err(text), None, None),
        Error::Setup(_) => (SetupFailed::new_err(text), None, None),
    };
    let code = serde_json::to_value(error.code()).ok();
    let code = code.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    let value = exception.value(py);
    let attributes = value
        .setattr("code", code)
        .and_then(|()| value.setattr("component", component))
        .and_then(|()| value.setattr("limit", limit));
    attributes.err().unwrap_or(exception)
}

/// Turns the errors of the runtime into exceptions.
pub trait OrRaise<T> {
    /// The value, or the exception.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for Result<T, Error> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| raised(py, &error))
    }
}
