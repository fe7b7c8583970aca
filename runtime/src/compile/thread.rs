//! Compiling in a thread that can be left alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::CompileError;
use crate::limits::{Allowed, LimitReached, Limits};

/// The most compilations of this process that were given up and have not ended yet.
const MAX_GIVEN_UP: usize = 4;

/// As much as the main thread of a program has: deeply nested code takes stack in the compiler.
const STACK: usize = 8 << 20;

static GIVEN_UP: AtomicUsize = AtomicUsize::new(0);

pub(super) fn compile(engine: &Engine, bytes: &[u8], limits: &Limits) -> Result<Component, CompileError> {
    if GIVEN_UP.load(Ordering::Relaxed) >= MAX_GIVEN_UP {
        let text = format!("{MAX_GIVEN_UP} compilations took too long and have not ended yet");
        return Err(CompileError::Setup(text));
    }
    let (engine, bytes) = (engine.clone(), bytes.to_vec());
    let (sender, receiver) = sync_channel(0);
    std::thread::Builder::new()
        .name("flip-compile".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            if sender.send(super::compile(&engine, &bytes)).is_err() {
                GIVEN_UP.fetch_sub(1, Ordering::Relaxed);
            }
        })
        .map_err(|error| CompileError::Setup(error.to_string()))?;
    match receiver.recv_timeout(limits.compile_time) {
        Ok(compiled) => compiled,
        Err(RecvTimeoutError::Timeout) => {
            // Before the receiver is dropped, which the thread waits for.
            GIVEN_UP.fetch_add(1, Ordering::Relaxed);
            let allowed = Allowed::Time(limits.compile_time);
            Err(CompileError::Limit(LimitReached { limit: "compile-time", allowed }))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(CompileError::Invalid("the compiler failed on it".to_owned()))
        }
    }
}
