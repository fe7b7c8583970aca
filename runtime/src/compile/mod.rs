//! Reading and compiling components that nobody has reviewed, within bounds.
//!
//! Nobody promises anything of the time and the memory that either takes: a file of a few KiB can ask for
//! minutes and gigabytes. So it happens where it can be given up: in a process of its own, whose memory the
//! system bounds too, or in a thread, for embedders that cannot start one.

mod thread;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::Error;
use crate::host::log::one_line;
use crate::inspect::Inspection;
use crate::instance::MAX_TEXT;
use crate::limits::{Allowed, LimitReached, Limits};
use crate::raw::machine_code::Compiled;
pub use worker::{compile_worker, compile_worker_if_asked};

/// Where components are read and compiled that are not built in.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// In a thread of this process, four at a time. Where its time is up it is left alone: it ends when it is
    /// done, and its memory is bounded by nothing but [`Limits::component_size`].
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
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Limit(LimitReached),
    #[error("the compiler: {0}")]
    Setup(String),
}

impl CompileError {
    /// As whoever loads the component `name` sees it.
    pub(crate) fn of(self, name: &str) -> Error {
        let component = name.to_owned();
        match self {
            Self::Limit(reached) => Error::Limit { table: component.clone(), component, reached },
            Self::Setup(_) => Error::Setup(self.to_string()),
            // Reasons repeat what the component calls things.
            Self::Invalid(reason) => {
                Error::InvalidComponent { component, reason: one_line(&reason, MAX_TEXT) }
            }
        }
    }
}

impl Compiler {
    /// In a process that is this program once more. Its `main` begins with [`compile_worker_if_asked`].
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] where the system does not say which program this is, and in a process that was started to
    /// compile and is about to do something else: it would start itself again and again.
    pub fn this_program() -> Result<Self, Error> {
        if worker::is_asked() {
            let text = "the program's main does not begin with flip_runtime::compile_worker_if_asked()";
            return Err(Error::Setup(text.to_owned()));
        }
        let program = std::env::current_exe().map_err(|error| Error::Setup(error.to_string()))?;
        Ok(Self::Process { program, args: vec![worker::VERB.into()] })
    }

    /// Reads a component's bytes as [`Inspection::of`] does, in a time and memory that are bounded. `name` stands
    /// for it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidComponent`] says why the bytes are no component, [`Error::Limit`] that reading them took
    /// too much.
    pub fn inspect(&self, name: &str, bytes: &[u8], limits: &Limits) -> Result<Inspection, Error> {
        let read = match self {
            Self::Thread => {
                let bytes = bytes.to_vec();
                thread::run(limits.compile_time, move || inspect(&bytes))
            }
            Self::Process { program, args } => worker::inspect(bytes, limits, program, args),
        };
        read.map_err(|error| error.of(name))
    }

    /// Reads and compiles a component; says how much memory that took, where it was a process of its own.
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<(Compiled, Option<u64>), CompileError> {
        match self {
            Self::Thread => {
                let (engine, bytes) = (engine.clone(), bytes.to_vec());
                let compiled = thread::run(limits.compile_time, move || compile(&engine, &bytes))?;
                Ok((compiled, None))
            }
            Self::Process { program, args } => worker::compile(engine, bytes, limits, program, args),
        }
    }
}

fn inspect(bytes: &[u8]) -> Result<Inspection, CompileError> {
    Inspection::of(bytes).map_err(CompileError::Invalid)
}

/// Reads and compiles here and now.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Compiled, CompileError> {
    let inspection = inspect(bytes)?;
    let unknown: Vec<_> = inspection.unknown_imports().collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(CompileError::Invalid(format!("it imports what this host does not offer: {unknown}")));
    }
    let component = Component::from_binary(engine, bytes).map_err(|error| not_compiled(&error))?;
    Ok(Compiled { inspection, component })
}

/// Why it was not compiled. What nobody has room for is told from what a limit says.
fn not_compiled(error: &wasmtime::Error) -> CompileError {
    let why = format!("{error:#}");
    // As wasmtime words it, of what is in one module and of what is in all of them.
    let full = ["pooling allocator requirements: ", " in the pooling allocator"];
    let room = match full.iter().any(|words| why.contains(words)) {
        true => "it asks for more than any component may have, and no limit allows it: ",
        false => "",
    };
    CompileError::Invalid(format!("it cannot be compiled: {room}{why}"))
}

/// The time is up.
fn late(allowed: Duration) -> CompileError {
    CompileError::Limit(LimitReached { limit: "compile-time", allowed: Allowed::Time(allowed) })
}
