//! Compiling in a process of its own.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::CompileError;
use crate::cache::{MAX_ENTRY, deserialize};
use crate::engine::compiler_only;
use crate::host::log::one_line;
use crate::limits::{Allowed, LimitReached, Limits};

/// The longest text of an error, in bytes.
const MAX_TEXT: u64 = 4_096;
/// The exit code where the component is at fault.
const INVALID: u8 = 3;
/// The exit code where there is too little memory to begin with. Later a want of memory ends the process.
const NO_MEMORY: u8 = 4;

/// The whole of a program that compiles for [`Compiler::Process`](super::Compiler::Process): a component
/// comes from the standard input, machine code goes to the standard output. `args` are the arguments that
/// come after those of the program itself; answers with its exit code.
pub fn compile_worker(args: impl IntoIterator<Item = OsString>) -> u8 {
    match work(args) {
        Ok(()) => 0,
        Err(error) => {
            // The bare reason: who reads it says what failed.
            let text = match &error {
                CompileError::Invalid(text) | CompileError::Setup(text) => text.clone(),
                CompileError::Limit(reached) => reached.to_string(),
            };
            let _ = io::stderr().write_all(text.as_bytes());
            match error {
                CompileError::Invalid(_) => INVALID,
                CompileError::Limit(_) => NO_MEMORY,
                CompileError::Setup(_) if text.contains("out of memory") => NO_MEMORY,
                CompileError::Setup(_) => 1,
            }
        }
    }
}

fn work(args: impl IntoIterator<Item = OsString>) -> Result<(), CompileError> {
    let setup = |error: &dyn std::fmt::Display| CompileError::Setup(error.to_string());
    let mut numbers = args.into_iter().map_while(|arg| arg.to_str()?.parse::<u64>().ok());
    let (Some(memory), Some(seconds)) = (numbers.next(), numbers.next()) else {
        return Err(setup(&"called without its bounds; it is no verb for people"));
    };
    // Before anything of the component is read.
    bound(Resource::As, memory);
    bound(Resource::Cpu, seconds);
    bound(Resource::Core, 0);
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| setup(&error))?;
    let engine = compiler_only().map_err(|error| setup(&error))?;
    let compiled = super::compile(&engine, &bytes)?;
    let code = compiled.serialize().map_err(|error| setup(&error))?;
    // Flushed here: a worker that is no Rust program does not do so when it ends.
    let mut out = io::stdout().lock();
    out.write_all(&code).and_then(|()| out.flush()).map_err(|error| setup(&error))
}

fn no_memory(allowed: u64) -> LimitReached {
    LimitReached { limit: "compile-memory", allowed: Allowed::Bytes(allowed) }
}

/// Where the system allows less already, that is less.
fn bound(resource: Resource, allowed: u64) {
    let limit = Rlimit { current: Some(allowed), maximum: Some(allowed) };
    if let Err(error) = setrlimit(resource, limit) {
        tracing::debug!("{resource:?}: {error}");
    }
}

pub(super) fn compile(
    engine: &Engine,
    bytes: &[u8],
    limits: &Limits,
    program: &Path,
    args: &[OsString],
) -> Result<Component, CompileError> {
    let setup = |error: io::Error| CompileError::Setup(format!("{}: {error}", program.display()));
    // The time is that of all cores.
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let seconds = limits.compile_time.as_secs().saturating_add(1).saturating_mul(cores);
    let child = Command::new(program)
        .args(args)
        .args([limits.compile_memory.to_string(), seconds.to_string()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = Worker(child.map_err(setup)?);
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.0.stdin.take(), child.0.stdout.take(), child.0.stderr.take())
    else {
        return Err(CompileError::Setup("the worker has no pipes".to_owned()));
    };
    let component = bytes.to_vec();
    let (sender, receiver) = channel();
    let spawn = |work: Box<dyn FnOnce() + Send>| {
        std::thread::Builder::new().name("flip-compile".to_owned()).spawn(work).map_err(setup)
    };
    // A worker that ends early reads no more; why, the other pipes tell.
    spawn(Box::new(move || drop(stdin.write_all(&component))))?;
    spawn(Box::new(move || {
        let (mut code, mut text) = (Vec::new(), Vec::new());
        // The worker writes to one of them, so that neither can fill while the other is read.
        let read = stdout.take(MAX_ENTRY).read_to_end(&mut code);
        let read = read.and_then(|_| stderr.take(MAX_TEXT).read_to_end(&mut text));
        let _ = sender.send(read.map(|_| (code, text)));
    }))?;
    let late = || {
        let allowed = Allowed::Time(limits.compile_time);
        CompileError::Limit(LimitReached { limit: "compile-time", allowed })
    };
    let (code, text) = receiver.recv_timeout(limits.compile_time).map_err(|_| late())?.map_err(setup)?;
    let status = child.0.wait().map_err(setup)?;
    let text = one_line(&String::from_utf8_lossy(&text), MAX_TEXT as usize);
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        // What it asks for is held against what instances can have, which the worker knows nothing of.
        Some(0) => deserialize(engine, &code).map_err(|error| CompileError::Invalid(format!("{error:#}"))),
        Some(INVALID) => Err(CompileError::Invalid(text)),
        // A signal: where memory is refused it, the process is aborted.
        None | Some(NO_MEMORY) => {
            tracing::debug!(%status, text, "the compiler ended");
            Err(CompileError::Limit(no_memory(limits.compile_memory)))
        }
        Some(_) => Err(CompileError::Setup(text)),
    }
}

/// A process that ends, and is waited for, with this.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
