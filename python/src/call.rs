//! One call into a component from Python.
//!
//! The component runs on a thread of the runtime's, and the thread that called waits without the GIL. What a
//! host function needs of Python is done by the thread that waits: Python code runs where its caller runs,
//! with its stack, its context variables and its signals.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flip_runtime::AbortSignal;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use tokio::runtime::Handle;

use crate::error::FlipWasmError;

/// How soon an interrupt or NVFLARE's abort signal is seen.
const TICK: Duration = Duration::from_millis(50);

type Work = Box<dyn FnOnce(Python<'_>) + Send>;

enum Message {
    Work(Work),
    Done,
}

/// Where host functions leave work for the thread that called.
pub struct Desk {
    state: Mutex<State>,
    /// The process whose threads serve it.
    process: u32,
}

impl Default for Desk {
    fn default() -> Self {
        Self { state: Mutex::default(), process: std::process::id() }
    }
}

#[derive(Default)]
struct State {
    /// The call under way.
    open: Option<Sender<Message>>,
    /// The Python object that is the context of the call.
    context: Option<Arc<Py<PyAny>>>,
    /// What Python code raised where nobody was there to be told.
    raised: Option<PyErr>,
}

/// Why there is no answer.
pub enum Unanswered {
    /// No call is under way.
    Nobody,
    /// The Python code raised this.
    Raised(String),
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody waits for the component"),
            Self::Raised(text) => f.write_str(text),
        }
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread that called do this, with the context of the call, and waits for what it says.
    pub fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(Python<'_>, &Bound<'_, PyAny>) -> PyResult<T> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (open, context) = {
            let state = self.state();
            (state.open.clone(), state.context.clone())
        };
        let (reply, answer) = sync_channel(1);
        let desk = self.clone();
        let work = move |py: Python<'_>| {
            let none = py.None();
            let context = context.as_ref().map_or(none.bind(py), |context| context.bind(py));
            let result = work(py, context).map_err(|error| {
                // What a sandboxed component said stands for itself; other exceptions are named.
                let text = match error.is_instance_of::<FlipWasmError>(py) {
                    true => error.value(py).to_string(),
                    false => error.to_string(),
                };
                // An interrupt is for whoever called, not for the component.
                if !error.is_instance_of::<PyException>(py) {
                    desk.keep(py, error);
                }
                text
            });
            let _ = reply.send(result);
        };
        let sent = open.ok_or(Unanswered::Nobody)?.send(Message::Work(Box::new(work)));
        sent.map_err(|_| Unanswered::Nobody)?;
        answer.recv().map_err(|_| Unanswered::Nobody)?.map_err(Unanswered::Raised)
    }

    /// The same where the component is told nothing: what is raised goes to whoever called.
    pub fn tell(
        self: &Arc<Self>,
        work: impl FnOnce(Python<'_>, &Bound<'_, PyAny>) -> PyResult<()> + Send + 'static,
    ) {
        let desk = self.clone();
        let _ = self.ask(move |py, context| {
            if let Err(error) = work(py, context) {
                desk.keep(py, error);
            }
            Ok(())
        });
    }

    /// Keeps the first exception for whoever called; an interrupt goes before any other.
    fn keep(&self, py: Python<'_>, error: PyErr) {
        let ordinary = |error: &PyErr| error.is_instance_of::<PyException>(py);
        let mut state = self.state();
        if state.raised.as_ref().is_none_or(|kept| ordinary(kept) && !ordinary(&error)) {
            state.raised = Some(error);
        }
    }
}

/// Does the work on another thread, and meanwhile what it asks of Python.
pub fn call<T: Send + 'static>(
    py: Python<'_>,
    desk: &Arc<Desk>,
    tokio: &Handle,
    context: Option<&Bound<'_, PyAny>>,
    abort: &AbortSignal,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    if desk.process != std::process::id() {
        let text = "the runtime has no threads in a process that was forked; make a new Runtime there";
        return Err(PyRuntimeError::new_err(text));
    }
    let (sender, mut inbox) = channel();
    let signal =
        context.map(|context| context.getattr("abort")).transpose()?.filter(|signal| !signal.is_none());
    {
        let mut state = desk.state();
        state.open = Some(sender.clone());
        state.context = context.map(|context| Arc::new(context.clone().unbind()));
        state.raised = None;
    }
    let (result, answer) = sync_channel(1);
    // Also sent where the work panics or is never begun.
    let done = Done(sender);
    tokio.spawn_blocking(move || {
        let _done = done;
        let _ = result.send(work());
    });
    let mut looked = Instant::now();
    loop {
        let inbox = &mut inbox;
        match py.detach(move || inbox.recv_timeout(TICK)) {
            Ok(Message::Work(work)) => work(py),
            Ok(Message::Done) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Also while the component asks for one thing after the other.
        if looked.elapsed() >= TICK {
            looked = Instant::now();
            if let Err(interrupt) = py.check_signals() {
                desk.keep(py, interrupt);
            }
            let triggered = signal.as_ref().map(|signal| signal.getattr("triggered")?.is_truthy());
            match triggered.transpose() {
                Ok(triggered) if triggered != Some(true) => {}
                Ok(_) => abort.trigger(),
                Err(error) => {
                    desk.keep(py, error);
                    abort.trigger();
                }
            }
        }
        let interrupted =
            desk.state().raised.as_ref().is_some_and(|error| !error.is_instance_of::<PyException>(py));
        if interrupted {
            abort.trigger();
        }
    }
    let raised = {
        let mut state = desk.state();
        (state.open, state.context) = (None, None);
        state.raised.take()
    };
    let result = answer.recv().map_err(|_| PyRuntimeError::new_err("the runtime failed in the call"))?;
    raised.map_or(Ok(result), Err)
}

struct Done(Sender<Message>);

impl Drop for Done {
    fn drop(&mut self) {
        let _ = self.0.send(Message::Done);
    }
}
