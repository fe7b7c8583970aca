//! What serves a component's host interfaces: Python objects, or the runtime's own backends.

mod backends;
mod directories;
mod hub;
mod job;
mod log;
mod store;

use std::sync::Arc;

use flip_runtime::LogSink;
use flip_runtime::services::{ServiceError, Services};
use pyo3::prelude::*;
use tokio::runtime::Handle;

use crate::call::{Desk, Unanswered};
pub use backends::{HttpHub, ObjectStore};

/// A Python object, and the desk of the instance that it serves.
#[derive(Clone)]
struct Served {
    object: Arc<Py<PyAny>>,
    desk: Arc<Desk>,
}

impl Served {
    /// Calls a method of the object on the thread that called, with the context of the call.
    fn ask<T: Send + 'static>(
        &self,
        call: impl for<'py> FnOnce(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<T> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let object = self.object.clone();
        self.desk.ask(move |py, context| call(object.bind(py), context))
    }

    /// The same, where what is raised goes to whoever called.
    fn tell(
        &self,
        call: impl for<'py> FnOnce(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()> + Send + 'static,
    ) {
        let object = self.object.clone();
        self.desk.tell(move |py, context| call(object.bind(py), context));
    }
}

/// What Python code raised, as a component is told.
fn unavailable(error: &Unanswered) -> ServiceError {
    ServiceError::Unavailable(flip_runtime::one_line(&error.to_string(), 2_000))
}

/// The services of a host object: an attribute for each interface, `None` for what it does not serve.
pub fn services_of(
    py: Python<'_>,
    host: Option<&Bound<'_, PyAny>>,
    desk: &Arc<Desk>,
    tokio: &Handle,
) -> PyResult<(Services, Arc<dyn LogSink>)> {
    let attribute = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        let attribute = host.map(|host| host.getattr(name)).transpose()?;
        Ok(attribute.filter(|attribute| !attribute.is_none()))
    };
    let served = |object: Bound<'_, PyAny>| Served { object: Arc::new(object.unbind()), desk: desk.clone() };
    let services = Services {
        directories: attribute("directories")?.map(|object| directories::of(object, &served)).transpose()?,
        object_store: attribute("object_store")?
            .map(|object| store::of(py, object, &served, tokio))
            .transpose()?,
        hub: attribute("hub")?.map(|object| hub::of(py, object, &served, tokio)).transpose()?,
        events: attribute("events")?.map(|object| job::events(served(object))),
        peers: attribute("peers")?.map(|object| job::peers(served(object))),
    };
    Ok((services, log::sink(py, attribute("log")?, &served)?))
}
