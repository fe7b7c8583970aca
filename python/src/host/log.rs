//! A component's log: a callable, or Python's logging.

use std::sync::Arc;

use flip_runtime::{Level, LogSink};
use pyo3::prelude::*;

use super::Served;

/// The callable gets the component's name, the level as a number of Python's logging, and the message.
pub fn sink(
    py: Python<'_>,
    object: Option<Bound<'_, PyAny>>,
    served: &impl Fn(Bound<'_, PyAny>) -> Served,
) -> PyResult<Arc<dyn LogSink>> {
    let object = match object {
        Some(object) => object,
        None => py.import("flip_wasm._host")?.getattr("log")?,
    };
    Ok(Arc::new(PythonLog(served(object))))
}

struct PythonLog(Served);

impl LogSink for PythonLog {
    fn line(&self, component: &str, level: Level, message: &str) {
        let (component, message) = (component.to_owned(), message.to_owned());
        let level = match level {
            Level::Debug => 10,
            Level::Info => 20,
            Level::Warning => 30,
            Level::Error => 40,
        };
        self.0.tell(move |log, _| log.call1((component, level, message)).map(drop));
    }
}
