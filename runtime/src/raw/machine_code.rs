//! A component ready to run, with what was read off it, as bytes: as the compile cache keeps it, and as the
//! program's own compiler hands it over.

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Engine, Result, error::Context as _};

use crate::inspect::Inspection;

/// A component whose bytes were read and compiled.
pub(crate) struct Compiled {
    /// What was read off it.
    pub(crate) inspection: Inspection,
    /// Its machine code.
    pub(crate) component: Component,
    /// The most address space of the process that did nothing else, in bytes.
    pub(crate) memory: Option<u64>,
}

/// What stands before the machine code.
#[derive(Serialize, Deserialize)]
struct Head<I> {
    inspection: I,
    memory: Option<u64>,
}

impl Compiled {
    /// The length of what is known of it, that, and the machine code.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let head = serde_json::to_vec(&Head { inspection: &self.inspection, memory: self.memory })?;
        let code = self.component.serialize()?;
        Ok([&(head.len() as u64).to_le_bytes()[..], &head, &code].concat())
    }

    /// Takes what [`Compiled::to_bytes`] gave, of this program alone: it is run as part of it.
    pub(crate) fn from_bytes(engine: &Engine, bytes: &[u8]) -> Result<Self> {
        let parts = bytes.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
        });
        let (head, code) = parts.context("too short")?;
        let Head { inspection, memory } = serde_json::from_slice(head)?;
        Ok(Self { inspection, component: deserialize(engine, code)?, memory })
    }
}

fn deserialize(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: `Component::deserialize` asks for bytes that `Component::serialize` made. These come from
    // an entry that only this user could write and that is whole, or over a pipe from this program's own
    // worker. wasmtime checks its own version and configuration in them.
    unsafe { Component::deserialize(engine, code) }
}
