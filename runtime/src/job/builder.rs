//! How the components of a place are found, pinned, loaded and configured.

use std::sync::Arc;

use super::config::{AppConfig, Entry, TaskFilters};
use super::dispatch::Here;
use super::place::{Chain, Member, PlaceOptions};
use super::registry::Kind;
use super::report::EngineReport;
use super::slot::Slot;
use super::standin::StandInPersistor;
use crate::builtin::Builtin;
use crate::component::{Component, name_of, read_component};
use crate::error::Error;
use crate::inspect::Digest;
use crate::policy::Grants;
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
                let options = &self.options;
                let checkpoints = options.checkpoints.as_deref();
                Arc::new(StandInPersistor::new(options.job.clone(), &options.app, checkpoints))
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
        let (grants, found) = self.grants(entry)?;
        let component = self.load(entry, &grants)?;
        if let Some(Err(error)) = role.map(|role| component.require(role)) {
            return Err(self.config.error(entry, "path", &error.to_string()));
        }
        if !found {
            tracing::debug!(component = &*entry.id, "no policy names it: nothing is granted to it");
        }
        let mut services = self.options.services.clone();
        services.events = Some(self.here.clone());
        services.peers = Some(self.here.clone());
        let on_filter_failure = grants.on_filter_failure;
        let pinned = grants.sha256.is_some() || pin(entry).is_some();
        let builder = component.instance().pinned(pinned);
        let builder = match &self.options.audit {
            Some(trail) => builder.audit(trail, &self.options.name),
            None => builder,
        };
        let instance = builder
            .id(&entry.id)
            .log_as(&format!("{}/{}", self.options.name, entry.id))
            .args(&*entry.args)
            .grants(grants)
            .services(services)
            .log(self.options.log.clone())
            .scratch_file()
            .build()
            .map_err(|error| match error {
                Error::Args { reason, .. } => self.config.error(entry, "args", &reason),
                error => error,
            })?;
        let slot = Arc::new(Slot::new(&self.options.name, &entry.id, instance, on_filter_failure));
        self.slots.push(slot.clone());
        Ok(slot)
    }

    fn load(&self, entry: &Entry, grants: &Grants) -> Result<Component, Error> {
        let loaded = match &entry.kind {
            Kind::Builtin(builtin) => {
                self.check_pins(entry, grants, builtin.wasm)?;
                self.runtime.load_builtin(builtin)
            }
            Kind::File { path, .. } => {
                let limits = grants.limits.as_ref().unwrap_or(self.runtime.limits());
                let bytes = read_component(path, limits);
                let bytes = bytes.map_err(|error| self.config.error(entry, "path", &error.to_string()))?;
                // What nobody asked for is not even compiled.
                self.check_pins(entry, grants, &bytes)?;
                self.runtime.load_within(&name_of(path), &bytes, limits)
            }
            Kind::Engine { class } => {
                return Err(self.config.error(entry, "path", &format!("{class:?} is no component")));
            }
        };
        loaded.map_err(|error| self.config.error(entry, "path", &error.to_string()))
    }

    fn check_pins(&self, entry: &Entry, grants: &Grants, bytes: &[u8]) -> Result<(), Error> {
        let actual = Digest::of(bytes);
        for (pin, by) in [(grants.sha256, "the policy"), (pin(entry), "the configuration")] {
            if let Some(expected) = pin.filter(|expected| *expected != actual) {
                let reason = format!("{by} asks for the digest {expected}, the file has {actual}");
                return Err(self.config.error(entry, "sha256", &reason));
            }
        }
        Ok(())
    }

    /// What is granted to a component, and whether any policy names it.
    fn grants(&self, entry: &Entry) -> Result<(Grants, bool), Error> {
        // A job's author names files and ids: what is granted to a built-in component is its own.
        let (name, is_file) = match &entry.kind {
            Kind::Builtin(builtin) => (builtin.class.to_owned(), false),
            Kind::File { path, .. } => (name_of(path), true),
            Kind::Engine { class } => (class.clone(), true),
        };
        let names = [&*entry.id, &*name].into_iter();
        let names: Vec<_> = names.filter(|name| !is_file || Builtin::find(name).is_err()).collect();
        match (self.options.policy.grants(&names), &entry.kind) {
            (Some(grants), _) => Ok((grants.clone(), true)),
            (None, Kind::Builtin(builtin)) => Ok((builtin.grants()?, true)),
            (None, _) => Ok((Grants::default(), false)),
        }
    }
}

fn pin(entry: &Entry) -> Option<Digest> {
    match &entry.kind {
        Kind::File { sha256, .. } => *sha256,
        _ => None,
    }
}
