//! Compiling components that nobody has reviewed, within bounds.
//!
//! wasmtime promises nothing of the time and the memory that compiling takes: a file of a few KiB can ask
//! for minutes and gigabytes. So it happens where it can be given up: in a process of its own, whose memory
//! the system bounds too, or in a thread, for embedders that cannot start one.

mod thread;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::limits::{LimitReached, Limits};
pub use worker::compile_worker;

/// Where components are compiled that are not built in.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// In a thread of this process. Where its time is up it is left alone: it ends when it is done, and its
    /// memory is bounded by nothing but [`Limits::component_size`].
    #[default]
    Thread,
    /// In a process that calls [`compile_worker`]; where its time is up it is killed, and the system lets it
    /// have no more than [`Limits::compile_memory`].
    Process {
        /// The program.
        program: PathBuf,
        /// Its first arguments; those of the worker come after them.
        args: Vec<OsString>,
    },
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    #[error("it cannot be compiled: {0}")]
    Invalid(String),
    #[error("{0}")]
    Limit(LimitReached),
    #[error("the compiler: {0}")]
    Setup(String),
}

impl Compiler {
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Component, CompileError> {
        match self {
            Self::Thread => thread::compile(engine, bytes, limits),
            Self::Process { program, args } => worker::compile(engine, bytes, limits, program, args),
        }
    }
}

/// Compiles here and now.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, CompileError> {
    Component::from_binary(engine, bytes).map_err(|error| CompileError::Invalid(format!("{error:#}")))
}
