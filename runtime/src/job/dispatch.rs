//! Events and calls between the components of one place.

use std::sync::{Arc, Weak};

use super::place::{Member, Place};
use super::slot::Slot;
use super::standin::StandInPersistor;
use crate::context::FlContext;
use crate::error::Error;
use crate::host::events::FATAL_SYSTEM_ERROR;
use crate::instance::{Instance, Scope};
use crate::services::{
    Caller, Events, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor,
};

/// The place that a component belongs to, as the component's services see it. It does not keep the place
/// alive: the place owns the components.
#[derive(Clone)]
pub(super) struct Here(pub(super) Weak<Place>);

impl Events for Here {
    fn fire(&self, event_type: &str, caller: Caller<'_>) {
        if let Some(place) = self.0.upgrade() {
            place.count_event();
            for slot in place.handlers() {
                slot.deliver(event_type, Scope::of(caller.context), caller.context);
            }
        }
    }

    fn system_panic(&self, reason: &str, caller: Caller<'_>) {
        tracing::error!(component = caller.id, "system panic: {reason}");
        if let Some(place) = self.0.upgrade() {
            place.set_fatal(caller.id, reason);
        }
        self.fire(FATAL_SYSTEM_ERROR, caller);
    }
}

/// Another component, as one that calls it sees it.
struct Peer(Arc<Slot>);

impl Peer {
    /// Enters it; what fails is in the report, whatever the caller makes of it.
    fn call<R>(&self, what: &str, call: impl FnOnce(&mut Instance) -> Result<R, Error>) -> Result<R, Error> {
        self.0.enter(call).inspect_err(|error| self.0.note_failed_call(what, error))
    }
}

impl ResultsGenerator for Peer {
    fn handle_evaluation_event(&self, event_type: &str, caller: Caller<'_>) -> Result<(), Error> {
        self.call(event_type, |instance| instance.handle_evaluation_event(event_type, caller))
    }

    fn all_tasks_failed(&self, caller: Caller<'_>) -> Result<bool, Error> {
        self.call("all-tasks-failed", |instance| instance.all_tasks_failed(caller))
    }
}

impl ResultsPersistor for Peer {
    fn execute(&self, caller: Caller<'_>) -> Result<(), Error> {
        self.call("execute", |instance| instance.persist(caller))
    }
}

impl ModelPersistor for StandInPersistor {
    fn model_inventory(&self, _: &FlContext) -> Result<Vec<(String, String)>, Error> {
        Ok(self.inventory())
    }
}

impl Here {
    fn find(&self, id: &str, role: &'static str) -> Result<Arc<Peer>, LookupError> {
        let place = self.0.upgrade().ok_or(LookupError::NotFound)?;
        match place.member(id) {
            None => Err(LookupError::NotFound),
            Some(Member::Engine { class, .. }) => {
                Err(LookupError::WrongRole(format!("{class}, a part of the FL engine")))
            }
            Some(Member::Component(slot)) => match slot.component.require(role) {
                Ok(()) => Ok(Arc::new(Peer(slot.clone()))),
                Err(_) => Err(LookupError::WrongRole(format!(
                    "{}, whose roles are: {}",
                    slot.component.name(),
                    slot.component.inspection().roles.join(", ")
                ))),
            },
        }
    }
}

impl Peers for Here {
    fn results_generator(&self, id: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError> {
        Ok(self.find(id, "results-generator")?)
    }

    fn results_persistor(&self, id: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError> {
        Ok(self.find(id, "results-persistor")?)
    }

    fn model_persistor(&self, id: &str) -> Result<Arc<dyn ModelPersistor>, LookupError> {
        let place = self.0.upgrade().ok_or(LookupError::NotFound)?;
        match place.member(id) {
            Some(Member::Engine { persistor: Some(persistor), .. }) => Ok(persistor.clone()),
            None => Err(LookupError::NotFound),
            Some(Member::Engine { class, .. }) => {
                Err(LookupError::WrongRole(format!("{class}, which keeps no model")))
            }
            Some(Member::Component(slot)) => {
                Err(LookupError::WrongRole(format!("{}, which keeps no model", slot.component.name())))
            }
        }
    }
}
