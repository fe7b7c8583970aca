//! A component ready to run, with what was read off it, as bytes: as the compile cache keeps it, and as the
//! program's own compiler hands it over.
//!
//! Whoever calls [`Compiled::from_bytes`] vouches for the bytes: the cache, which is nobody else's and sealed, and the
//! host's end of the compiler's pipe. Nobody else does.

use wasmtime::component::Component;
use wasmtime::{Engine, Result, error::Context as _};

use crate::inspect::Inspection;

/// A component whose bytes were read and compiled.
pub(crate) struct Compiled {
    /// What was read off it.
    pub(crate) inspection: Inspection,
    /// Its machine code.
    pub(crate) component: Component,
}

impl Compiled {
    /// The length of what was read off it, that, and the machine code.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let inspection = serde_json::to_vec(&self.inspection)?;
        let code = self.component.serialize()?;
        Ok([&(inspection.len() as u64).to_le_bytes()[..], &inspection, &code].concat())
    }

    /// Takes what [`Compiled::to_bytes`] gave, of this program alone: it is run as part of it.
    pub(crate) fn from_bytes(engine: &Engine, bytes: &[u8]) -> Result<Self> {
        let parts = bytes.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
        });
        let (inspection, code) = parts.context("too short")?;
        Ok(Self { inspection: serde_json::from_slice(inspection)?, component: deserialize(engine, code)? })
    }
}

fn deserialize(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: `Component::deserialize` asks for bytes that `Component::serialize` made. These come from
    // an entry that only this user could write and that is whole, or over a pipe from this program's own
    // worker. wasmtime checks its own version and configuration in them.
    unsafe { Component::deserialize(engine, code) }
}
