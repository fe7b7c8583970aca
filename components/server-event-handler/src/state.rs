//! What the handler remembers, by the names of the reference's attributes.

use flip_sdk::{Error, Json, ModelStatus, state};
use serde::{Deserialize, Serialize};

use crate::{Host, ServerEventHandler};

/// What can be read and set.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    /// Whether a fatal error was seen: the run ends with ERROR.
    fatal_error: bool,
    /// The hub's name of what the run ends with. Serde would take a key that is missing for null.
    #[serde(deserialize_with = "Option::deserialize")]
    final_status: Option<String>,
}

impl<H: Host> ServerEventHandler<H> {
    /// What it remembers: `fatal_error`, and `final_status` by the hub's name.
    pub fn state(&self) -> Json {
        state::to_json(&Memory {
            fatal_error: self.fatal_error,
            final_status: self.final_status.map(|status| status.name().to_owned()),
        })
    }

    /// Replaces what it remembers. The hub is told at the end of the run.
    ///
    /// # Errors
    ///
    /// `invalid-argument` where it is no such state; nothing has changed then.
    pub fn restore(&mut self, state: &str) -> Result<(), Error> {
        let memory: Memory = state::from_json(state)?;
        let known = |name: String| {
            ModelStatus::of_name(&name).ok_or_else(|| {
                let names = ModelStatus::ALL.map(ModelStatus::name).join(", ");
                Error::InvalidArgument(format!("state: final_status: {name:?} is none of {names}"))
            })
        };
        self.final_status = memory.final_status.map(known).transpose()?;
        self.fatal_error = memory.fatal_error;
        Ok(())
    }
}
