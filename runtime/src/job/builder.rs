//! How the components of a place are found, pinned, loaded and configured.

use std::sync::Arc;

use super::config::{AppConfig, Entry, TaskFilters};
use super::dispatch::Here;
use super::place::{Chain, Member, PlaceOptions};
use super::registry::Kind;
use super::report::EngineReport;
use super::slot::Slot;
use super::standin::StandInPersistor;
use crate::admission::Admitted;
use crate::error::Error;
use crate::runtime::Runtime;

/// Makes the components of a place, one after the other.
pub(super) struct Builder<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) config: &'a AppConfig,
    pub(super) here: Arc<Here>,
    pub(super) options: PlaceOptions,
    pub(super) slots: Vec<Arc<Slot>>,
    pub(super) engine: Vec<EngineReport>,
}

impl Builder<'_> {
    pub(super) fn member(&mut self, entry: &Entry, role: Option<&'static str>) -> Result<Member, Error> {
        if let Kind::Engine { class } = &entry.kind {
            self.engine.push(EngineReport { id: entry.id.clone(), class: class.clone() });
            let persistor = entry.kind.is_model_persistor().then(|| {
                let PlaceOptions { job, app, checkpoints, .. } = &self.options;
                Arc::new(StandInPersistor::new(job, app, checkpoints.as_deref()))
            });
            return Ok(Member::Engine { class: class.clone(), persistor });
        }
        Ok(Member::Component(self.slot(entry, role)?))
    }

    pub(super) fn filters(&mut self, filters: &[TaskFilters]) -> Result<Vec<Chain>, Error> {
        let filters = filters.iter().map(|filters| {
            let slots = filters.filters.iter().map(|entry| self.slot(entry, Some("dxo-filter")));
            Ok(Chain { tasks: filters.tasks.clone(), filters: slots.collect::<Result<_, Error>>()? })
        });
        filters.collect()
    }

    /// The component of an entry, configured. The role is the one that its place in the file asks for.
    fn slot(&mut self, entry: &Entry, role: Option<&'static str>) -> Result<Arc<Slot>, Error> {
        let admitted = self.admit(entry)?;
        if let Some(Err(error)) = role.map(|role| admitted.component.require(role)) {
            return Err(self.config.error(entry, "path", &error.to_string()));
        }
        let mut services = self.options.services.clone();
        services.events = Some(self.here.clone());
        services.peers = Some(self.here.clone());
        let builder = match &self.options.audit {
            Some(trail) => admitted.instance().audit(trail, &self.options.name),
            None => admitted.instance(),
        };
        let instance = builder
            .id(&entry.id)
            .log_as(&format!("{}/{}", self.options.name, entry.id))
            .args(&*entry.args)
            .services(services)
            .log(self.options.log.clone())
            .scratch_file()
            .measure_changes(self.options.measure_changes)
            .build()
            .map_err(|error| match error {
                Error::Args { reason, .. } => self.config.error(entry, "args", &reason),
                error => error,
            })?;
        let grants = Arc::new(admitted.grants);
        let slot = Arc::new(Slot::new(&self.options.name, &entry.id, instance, grants));
        self.slots.push(slot.clone());
        Ok(slot)
    }

    fn admit(&self, entry: &Entry) -> Result<Admitted, Error> {
        let no_component = || self.config.error(entry, "path", "it names no component");
        let source = entry.kind.source().ok_or_else(no_component)?;
        let pin = match &entry.kind {
            Kind::File { sha256, .. } => *sha256,
            _ => None,
        };
        let admitted = self.runtime.admit(&source, &entry.id, &self.options.policy, pin);
        admitted.map_err(|error| match error {
            Error::Pinned { by, expected, actual, .. } => {
                let reason = format!("{by} asks for the digest {expected}, the file has {actual}");
                self.config.error(entry, "sha256", &reason)
            }
            // The configuration is not at fault.
            error @ (Error::Limit { .. } | Error::NoPlace { .. } | Error::Setup(_)) => error,
            error => self.config.error(entry, "path", &error.to_string()),
        })
    }
}
