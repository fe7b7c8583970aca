//! The server or a site: its components, configured and at hand.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indexmap::IndexMap;

use super::builder::Builder;
use super::config::AppConfig;
use super::dispatch::Here;
use super::registry::Kind;
use super::report::{ComponentReport, EngineReport, PlaceReport};
use super::slot::Slot;
use super::standin::StandInPersistor;
use crate::audit::AuditTrail;
use crate::context::FlContext;
use crate::error::Error;
use crate::exchange::Shareable;
use crate::host::log::LogSink;
use crate::instance::Scope;
use crate::policy::Policy;
use crate::runtime::Runtime;
use crate::services::Services;

/// What a place is made of, besides its configuration.
#[derive(Clone)]
pub struct PlaceOptions {
    /// `server`, or the name of the site.
    pub name: String,
    /// What the operator grants.
    pub policy: Policy,
    /// What serves the components; events and peers are those of the place.
    pub services: Services,
    /// Where log lines go.
    pub log: Arc<dyn LogSink>,
    /// Where it is written down what components do.
    pub audit: Option<AuditTrail>,
    /// Whether what filters change is measured.
    pub measure_changes: bool,
    /// The folder of the job.
    pub job: PathBuf,
    /// The name of the app's folder in it.
    pub app: String,
    /// Where in the app's folder the engine keeps models.
    pub checkpoints: Option<String>,
}

/// The server or a site.
pub struct Place {
    name: String,
    members: OnceLock<Members>,
    fatal: Mutex<Option<(String, String)>>,
    events: AtomicU64,
}

struct Members {
    by_id: IndexMap<String, Member>,
    executors: Vec<(Vec<String>, Member)>,
    result_filters: Vec<Chain>,
    data_filters: Vec<Chain>,
    /// Every component that runs, in the order of the configuration.
    slots: Vec<Arc<Slot>>,
    engine: Vec<EngineReport>,
}

/// The filters of some tasks, in their order.
pub(super) struct Chain {
    pub(super) tasks: Vec<String>,
    pub(super) filters: Vec<Arc<Slot>>,
}

/// What an id names.
#[derive(Clone)]
pub(super) enum Member {
    Component(Arc<Slot>),
    Engine { class: String, persistor: Option<Arc<StandInPersistor>> },
}

impl Place {
    /// Loads and configures the components of a configuration file.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the file, the component and the key.
    pub fn new(runtime: &Runtime, config: &AppConfig, options: PlaceOptions) -> Result<Arc<Self>, Error> {
        let place = Arc::new(Self {
            name: options.name.clone(),
            members: OnceLock::new(),
            fatal: Mutex::default(),
            events: AtomicU64::new(0),
        });
        let here = Arc::new(Here(Arc::downgrade(&place)));
        let mut builder = Builder { runtime, config, here, options, slots: Vec::new(), engine: Vec::new() };
        let members = Members {
            by_id: config
                .components
                .iter()
                .map(|entry| Ok((entry.id.clone(), builder.member(entry, None)?)))
                .collect::<Result<_, Error>>()?,
            executors: config
                .executors
                .iter()
                .map(|(tasks, entry)| Ok((tasks.clone(), builder.member(entry, Some("executor"))?)))
                .collect::<Result<_, Error>>()?,
            result_filters: builder.filters(&config.task_result_filters)?,
            data_filters: builder.filters(&config.task_data_filters)?,
            engine: {
                let workflows = config.workflows.iter();
                builder.engine.extend(workflows.map(|entry| EngineReport {
                    id: entry.id.clone(),
                    class: match &entry.kind {
                        Kind::Engine { class } => class.clone(),
                        Kind::Builtin(builtin) => builtin.class.to_owned(),
                        Kind::File { path, .. } => path.display().to_string(),
                    },
                }));
                builder.engine
            },
            slots: builder.slots,
        };
        let _ = place.members.set(members);
        Ok(place)
    }

    /// Delivers an event to the components that are interested in it.
    pub fn fire(&self, event_type: &str, context: &Arc<FlContext>) {
        self.count_event();
        for slot in self.handlers() {
            slot.deliver(event_type, Scope::of(context), context);
        }
    }

    /// Whether an event comes to any component.
    pub(super) fn handles(&self, event_type: &str) -> bool {
        self.handlers().any(|slot| slot.is_interested(event_type))
    }

    /// Has the executor of a task carry it out; says which one did. None where the task is the engine's.
    pub fn execute(
        &self,
        task: &str,
        data: Shareable,
        context: &Arc<FlContext>,
    ) -> Option<(String, Result<Shareable, Error>)> {
        let executors = self.members.get().map(|members| &members.executors);
        let executor = executors?.iter().find(|(tasks, _)| covers(tasks, task));
        let (_, Member::Component(slot)) = executor? else { return None };
        let reply = slot.enter(|instance| instance.execute(task, data, context));
        Some((slot.id.to_string(), reply))
    }

    /// The filters of a task's results, in their order.
    pub(super) fn result_filters(&self, task: &str) -> Vec<Arc<Slot>> {
        filters_of(self.members.get().map(|members| &members.result_filters), task)
    }

    /// The filters of a task's data, in their order.
    pub(super) fn data_filters(&self, task: &str) -> Vec<Arc<Slot>> {
        filters_of(self.members.get().map(|members| &members.data_filters), task)
    }

    pub(super) fn handlers(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.members.get().into_iter().flat_map(|members| &members.slots)
    }

    pub(super) fn member(&self, id: &str) -> Option<Member> {
        self.members.get()?.by_id.get(id).cloned()
    }

    pub(super) fn count_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers the first system panic.
    pub(super) fn set_fatal(&self, component: &str, reason: &str) {
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert_with(|| (component.to_owned(), reason.to_owned()));
    }

    /// The component and the reason of a system panic.
    pub fn fatal(&self) -> Option<(String, String)> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What happened here so far.
    pub fn report(&self) -> PlaceReport {
        let components = self.handlers().map(|slot| {
            let (usage, failures) = slot.account();
            let inspection = slot.component.inspection();
            ComponentReport {
                id: slot.id.to_string(),
                name: slot.component.name().to_owned(),
                inspection: inspection.clone(),
                grants: slot.grants.clone(),
                usage,
                failures,
            }
        });
        PlaceReport {
            name: self.name.clone(),
            events: self.events.load(Ordering::Relaxed),
            fatal: self.fatal(),
            components: components.collect(),
            engine: self.members.get().map_or_else(Vec::new, |members| members.engine.clone()),
        }
    }
}

fn covers(tasks: &[String], task: &str) -> bool {
    tasks.iter().any(|known| known == "*" || known == task)
}

fn filters_of(chains: Option<&Vec<Chain>>, task: &str) -> Vec<Arc<Slot>> {
    let chains = chains.into_iter().flatten().filter(|chain| covers(&chain.tasks, task));
    chains.flat_map(|chain| chain.filters.clone()).collect()
}
