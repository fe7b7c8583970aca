//! The rules, bound to the sdk.

use flip_sdk::storage::{self, Root};
use flip_sdk::{DataKind, Error, FlContext, log};

use crate::{Dxo, Kind, PathError, Problems, Received, ResultsFile, StateError, TaskResult, name};

impl Dxo for flip_sdk::Dxo {
    type Error = Error;

    fn kind(&self) -> Kind {
        match flip_sdk::Dxo::kind(self) {
            DataKind::Metrics => Kind::Metrics,
            DataKind::Collection => Kind::Collection,
            kind => Kind::Other(kind.name()),
        }
    }

    fn values(&self) -> Result<String, Error> {
        flip_sdk::Dxo::values(self)
    }

    fn members(&self) -> Vec<String> {
        flip_sdk::Dxo::members(self)
    }

    fn member(&self, name: &str) -> Result<Self, Error> {
        flip_sdk::Dxo::member(self, name)
    }
}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        Self::InvalidArgument(format!("args: {error}"))
    }
}

impl From<StateError> for Error {
    fn from(error: StateError) -> Self {
        Self::InvalidArgument(format!("state: {error}"))
    }
}

/// What comes with the event that a result is there.
pub fn received(ctx: &FlContext) -> Received<flip_sdk::Dxo> {
    let property = |key| ctx.prop(key).and_then(|property| name(&property));
    let result = ctx.shareable("_validation_result_").unwrap_or_else(|error| {
        log::error(&error.to_string());
        None
    });
    Received {
        model_owner: property("_model_owner_"),
        data_client: property("_data_client_"),
        result: result.map(|result| TaskResult {
            return_code: result.return_code().name(),
            dxo: result.dxo().map_err(|error| error.to_string()),
        }),
    }
}

/// Tells the operator what is wrong with a result.
pub fn tell(problems: &Problems) {
    for line in problems.lines() {
        log::error(&line);
    }
}

/// Writes a file of the job, in one step.
///
/// # Errors
///
/// Those of the host.
pub fn write(file: &ResultsFile, text: &str) -> Result<(), Error> {
    let job = storage::open(Root::Job)?;
    let directory = file.directory();
    if !directory.is_empty() {
        job.create_dir_all(&directory)?;
    }
    job.write(&file.path(), text.as_bytes())
}
