//! The job that a component is part of: its events and its other components.

use std::sync::Arc;

use flip_runtime::services::{
    Caller, Events, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor,
};
use flip_runtime::{Error, FlContext};
use pyo3::prelude::*;

use super::{Served, unavailable};
use crate::call::Unanswered;

/// An object with the methods `fire` and `system_panic`.
pub fn events(object: Served) -> Arc<dyn Events> {
    Arc::new(PythonEvents(object))
}

/// An object with the methods `results_generator`, `results_persistor` and `model_persistor`.
pub fn peers(object: Served) -> Arc<dyn Peers> {
    Arc::new(PythonPeers(object))
}

struct PythonEvents(Served);

impl Events for PythonEvents {
    fn fire(&self, event_type: &str, _: Caller<'_>) {
        let event_type = event_type.to_owned();
        self.0.tell(move |events, context| events.call_method1("fire", (event_type, context)).map(drop));
    }

    fn system_panic(&self, reason: &str, _: Caller<'_>) {
        let reason = reason.to_owned();
        self.0.tell(move |events, context| events.call_method1("system_panic", (reason, context)).map(drop));
    }
}

struct PythonPeers(Served);

impl PythonPeers {
    /// Asks for the component of this id: an object; `None` where there is none; or a text that says what
    /// there is instead.
    fn find(&self, method: &'static str, id: &str) -> Result<Served, LookupError> {
        let id = id.to_owned();
        let found = self.0.ask(move |peers, context| {
            let found = peers.call_method1(method, (id, context))?;
            Ok(match found.extract::<String>() {
                Ok(other) => Err(LookupError::WrongRole(other)),
                Err(_) if found.is_none() => Err(LookupError::NotFound),
                Err(_) => Ok(Arc::new(found.unbind())),
            })
        });
        let object = match found {
            Ok(found) => found?,
            Err(error) => return Err(LookupError::WrongRole(error.to_string())),
        };
        Ok(Served { object, desk: self.0.desk.clone() })
    }
}

impl Peers for PythonPeers {
    fn results_generator(&self, id: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError> {
        Ok(Arc::new(Peer(self.find("results_generator", id)?)))
    }

    fn results_persistor(&self, id: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError> {
        Ok(Arc::new(Peer(self.find("results_persistor", id)?)))
    }

    fn model_persistor(&self, id: &str) -> Result<Arc<dyn ModelPersistor>, LookupError> {
        Ok(Arc::new(Peer(self.find("model_persistor", id)?)))
    }
}

/// Another component of the job.
struct Peer(Served);

fn failed(error: &Unanswered) -> Error {
    Error::Service(unavailable(error))
}

impl ResultsGenerator for Peer {
    fn handle_evaluation_event(&self, event_type: &str, _: Caller<'_>) -> Result<(), Error> {
        let event_type = event_type.to_owned();
        let handled = self.0.ask(move |peer, context| {
            peer.call_method1("handle_evaluation_event", (event_type, context)).map(drop)
        });
        handled.map_err(|error| failed(&error))
    }

    fn all_tasks_failed(&self, _: Caller<'_>) -> Result<bool, Error> {
        let answer = self.0.ask(|peer, _| peer.call_method0("all_tasks_failed")?.is_truthy());
        answer.map_err(|error| failed(&error))
    }
}

impl ResultsPersistor for Peer {
    fn execute(&self, _: Caller<'_>) -> Result<(), Error> {
        let done = self.0.ask(|peer, context| peer.call_method1("execute", (context,)).map(drop));
        done.map_err(|error| failed(&error))
    }
}

impl ModelPersistor for Peer {
    fn model_inventory(&self, _: &FlContext) -> Result<Vec<(String, String)>, Error> {
        let inventory = self.0.ask(|peer, context| {
            let inventory = peer.call_method1("model_inventory", (context,))?;
            inventory.cast::<pyo3::types::PyMapping>()?.items()?.iter().map(|item| item.extract()).collect()
        });
        inventory.map_err(|error| failed(&error))
    }
}
