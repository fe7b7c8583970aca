//! Compiling in a process of its own.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use wasmtime::Engine;

use super::{CompileError, late, not_compiled};
use crate::cache::MAX_ENTRY;
use crate::engine::compiler_only;
use crate::host::log::one_line;
use crate::inspect::Inspection;
use crate::limits::{Allowed, LimitReached, Limits};
use crate::raw::machine_code::Compiled;

/// The longest text of an error, in bytes.
const MAX_TEXT: u64 = 4_096;
/// The exit code where the component is at fault.
const INVALID: u8 = 3;
/// The exit code where there is too little memory to begin with. Later a want of memory ends the process.
const NO_MEMORY: u8 = 4;
/// The exit code of a Rust program that panicked.
const PANICKED: u8 = 101;
/// What the runtime of Rust says where a stack overflows.
const STACK: &str = "overflowed its stack";

/// The argument by which a program is asked to compile for itself.
pub(super) const VERB: &str = "compile-worker";
/// Stands in the environment of a process that was started to compile.
const MARK: &str = "FLIP_COMPILE_WORKER";

/// What a worker is to do, as its first argument says.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Task {
    /// Reads what the component asks for.
    Inspect,
    /// Compiles it as well.
    Compile,
}

impl Task {
    const ALL: [Self; 2] = [Self::Inspect, Self::Compile];

    fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Compile => "compile",
        }
    }
}

/// Whether this process was started to compile.
pub(super) fn is_asked() -> bool {
    std::env::var_os(MARK).is_some()
}

/// For the first line of the `main` of a program that compiles by
/// [`Compiler::this_program`](super::Compiler::this_program): in a process that was started to compile, does so
/// and ends it.
pub fn compile_worker_if_asked() {
    let mut args = std::env::args_os().skip(1);
    if is_asked() && args.next().is_some_and(|verb| verb == VERB) {
        std::process::exit(compile_worker(args).into());
    }
}

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
            // Names that a component lists have no end, and a pipe takes only so much.
            let _ = io::stderr().write_all(one_line(&text, MAX_TEXT as usize).as_bytes());
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
    let mut args = args.into_iter();
    let task = args.next().and_then(|name| Task::ALL.into_iter().find(|task| name == task.name()));
    let mut numbers = args.map_while(|arg| arg.to_str()?.parse::<u64>().ok());
    let (Some(task), Some(memory), Some(seconds)) = (task, numbers.next(), numbers.next()) else {
        return Err(setup(&"called without its bounds; it is no verb for people"));
    };
    // Before anything of the component is read.
    bound(Resource::As, memory, memory);
    // The first is told apart from a kill by anyone else.
    bound(Resource::Cpu, seconds, seconds.saturating_add(1));
    bound(Resource::Core, 0, 0);
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| setup(&error))?;
    let answer = match task {
        Task::Inspect => serde_json::to_vec(&super::inspect(&bytes)?).map_err(|error| setup(&error))?,
        Task::Compile => {
            let engine = compiler_only().map_err(|error| setup(&error))?;
            let mut answer = super::compile(&engine, &bytes)?.to_bytes().map_err(|error| setup(&error))?;
            // Last of all, when it is at its most. Nothing is where the system does not say.
            answer.extend(address_space().unwrap_or_default().to_le_bytes());
            answer
        }
    };
    // Flushed here: a worker that is no Rust program does not do so when it ends.
    let mut out = io::stdout().lock();
    out.write_all(&answer).and_then(|()| out.flush()).map_err(|error| setup(&error))
}

/// The most address space that this process had, in bytes, where the system says.
fn address_space() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:")?.split_whitespace().next())?;
    peak.parse::<u64>().ok()?.checked_mul(1_024)
}

/// Where the system allows less already, that is less.
fn bound(resource: Resource, allowed: u64, most: u64) {
    let limit = Rlimit { current: Some(allowed), maximum: Some(most) };
    if let Err(error) = setrlimit(resource, limit) {
        tracing::debug!("{resource:?}: {error}");
    }
}

pub(super) fn inspect(
    bytes: &[u8],
    limits: &Limits,
    program: &Path,
    args: &[OsString],
) -> Result<Inspection, CompileError> {
    let read = run(Task::Inspect, bytes, limits, program, args)?;
    serde_json::from_slice(&read).map_err(|error| CompileError::Setup(error.to_string()))
}

pub(super) fn compile(
    engine: &Engine,
    bytes: &[u8],
    limits: &Limits,
    program: &Path,
    args: &[OsString],
) -> Result<(Compiled, Option<u64>), CompileError> {
    let answer = run(Task::Compile, bytes, limits, program, args)?;
    let (compiled, memory) = answer.split_last_chunk().unwrap_or((&[], &[0; 8]));
    let memory = Some(u64::from_le_bytes(*memory)).filter(|memory| *memory > 0);
    // What it asks for is held against what instances can have, which the worker knows nothing of.
    let compiled = Compiled::from_bytes(engine, compiled).map_err(|error| not_compiled(&error))?;
    Ok((compiled, memory))
}

/// Has a worker do its task; gives what it answers.
fn run(
    task: Task,
    bytes: &[u8],
    limits: &Limits,
    program: &Path,
    args: &[OsString],
) -> Result<Vec<u8>, CompileError> {
    let setup = |error: io::Error| CompileError::Setup(format!("{}: {error}", program.display()));
    // The time is that of all cores.
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let seconds = limits.compile_time.as_secs().saturating_add(1).saturating_mul(cores);
    let child = Command::new(program)
        .args(args)
        .arg(task.name())
        .args([limits.compile_memory.to_string(), seconds.to_string()])
        .env_clear()
        .env(MARK, "1")
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
    // Both are read at once, to their ends: a worker waits where one of them is full.
    let (text_sender, text_receiver) = channel();
    spawn(Box::new(move || {
        let mut text = Vec::new();
        let mut said = stderr.take(MAX_TEXT);
        let read =
            said.read_to_end(&mut text).and_then(|_| io::copy(&mut said.into_inner(), &mut io::sink()));
        let _ = text_sender.send(read.map(|_| text));
    }))?;
    spawn(Box::new(move || {
        let mut code = Vec::new();
        let read = stdout.take(MAX_ENTRY).read_to_end(&mut code);
        // It closes both when it ends.
        let text = text_receiver.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        let _ = sender.send(read.and_then(|_| Ok((code, text?))));
    }))?;
    let (code, text) =
        receiver.recv_timeout(limits.compile_time).map_err(|_| late(limits.compile_time))?.map_err(setup)?;
    let status = child.0.wait().map_err(setup)?;
    let text = one_line(&String::from_utf8_lossy(&text), MAX_TEXT as usize);
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Ok(code),
        Some(INVALID) => Err(CompileError::Invalid(text)),
        Some(NO_MEMORY) => Err(no_memory(limits, &text)),
        Some(PANICKED) => Err(CompileError::Invalid(format!("the compiler failed on it: {text}"))),
        Some(_) => Err(CompileError::Setup(text)),
        None => Err(ended_by(status.signal().and_then(Signal::from_named_raw), limits, &text)),
    }
}

/// What a signal that ended the worker says.
fn ended_by(signal: Option<Signal>, limits: &Limits, text: &str) -> CompileError {
    match signal {
        Some(Signal::XCPU) => late(limits.compile_time),
        Some(Signal::ABORT | Signal::SEGV | Signal::BUS) if text.contains(STACK) => {
            CompileError::Invalid("the compiler failed on it: too much lies within each other".to_owned())
        }
        // Where memory is refused it, the process is aborted, or its stack cannot grow.
        Some(Signal::ABORT | Signal::SEGV | Signal::BUS) => no_memory(limits, text),
        Some(Signal::KILL) => CompileError::Setup(
            "it was killed by the system, or by somebody: is the machine short of memory?".to_owned(),
        ),
        other => CompileError::Setup(format!("it was ended by a signal: {other:?}")),
    }
}

fn no_memory(limits: &Limits, text: &str) -> CompileError {
    tracing::debug!(text, "the compiler ended");
    let allowed = Allowed::Bytes(limits.compile_memory);
    CompileError::Limit(LimitReached { limit: "compile-memory", allowed })
}

/// A process that ends, and is waited for, with this.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_signal_was_said_to_be_compile_memory() {
        let limits = Limits::default();
        let limit = |signal, text| match ended_by(Some(signal), &limits, text) {
            CompileError::Limit(reached) => reached.limit,
            CompileError::Invalid(_) => "invalid",
            CompileError::Setup(_) => "setup",
        };
        assert_eq!(limit(Signal::XCPU, ""), "compile-time");
        assert_eq!(limit(Signal::ABORT, "memory allocation of 9 bytes failed"), "compile-memory");
        assert_eq!(limit(Signal::SEGV, ""), "compile-memory");
        assert_eq!(limit(Signal::ABORT, "thread 'main' has overflowed its stack"), "invalid");
        assert_eq!(limit(Signal::KILL, ""), "setup");
        assert_eq!(limit(Signal::TERM, ""), "setup");
    }
}
