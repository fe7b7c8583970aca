//! Instances: one configured component in a store of its own, entered one call at a time.

mod builder;
#[cfg(feature = "cut")]
mod cut;
mod deadline;
mod entry;
mod failure;
mod fits;
mod helpers;
mod own_thread;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indexmap::IndexMap;
use wasmtime::Store;
use wasmtime::component::{Instance as RawInstance, InstancePre};

use crate::audit::Auditor;
use crate::bindings::exports::flip::fl::event_handler;
use crate::bindings::flip::fl::types;
use crate::component::Component;
use crate::error::Error;
use crate::exchange::DataKind;
use crate::host::HostState;
use crate::host::log::one_line;
use crate::host::tensors::Meter;
use crate::limits::Limits;
use crate::runtime::Runtime;
use crate::usage::{Spent, Usage};
pub use builder::InstanceBuilder;
pub(crate) use deadline::Scope;
pub(crate) use helpers::Sharing;

/// The longest text of a component that goes into an error, in bytes.
pub(crate) const MAX_TEXT: usize = 2_000;

/// A configured component. A trap, a limit or a call that was given up ends it: the next call answers
/// [`Error::Poisoned`], and a new instance is cheap.
///
/// Calls block until the component returns, for as long as [`Limits::call_time`], and while other components of its job
/// do what it asked for, each in its own time; async programs call from a thread that may block, such as tokio's
/// `spawn_blocking` gives. A component that can have the host read or write files is entered on another thread than the
/// caller's, which is left to itself where a disk hangs.
pub struct Instance {
    runtime: Runtime,
    component: Component,
    name: Arc<str>,
    /// The name of the policy's table that grants it, or would.
    table: Arc<str>,
    limits: Limits,
    meter: Meter,
    data_kinds: Vec<DataKind>,
    interests: Interests,
    /// Its exports as a handler: events come by the thousand, and to look these up takes as long as one of them.
    pub(crate) handler: Option<event_handler::Guest>,
    /// The type of the last event, where it handles all: the next one's is often the same.
    last_event: Arc<str>,
    /// Whether a service that is at work has to undo what it has begun.
    winding_up: Arc<AtomicBool>,
    /// Whether it can have the host read or write files: then it is entered on a thread of its own, which is left where a
    /// disk hangs.
    uses_disks: bool,
    /// What all calls so far have used.
    spent: Spent,
    /// Notes what it does, where a trail is kept.
    audit: Option<Auditor>,
    live: Option<Live>,
    /// What others like it are made by, where they can share its work, and those that there are.
    blueprint: Option<Box<InstanceBuilder>>,
    helpers: Vec<Instance>,
    /// How its work is shared, where the data does not decide.
    pub(crate) sharing: Option<Sharing>,
    /// Whether what it changes is looked at while it does.
    pub(crate) measures_changes: bool,
    /// After how many polls the future of a call is dropped, as nobody but a test does.
    #[cfg(feature = "cut")]
    cut_after: Option<usize>,
}

/// The event types that an instance handles.
#[derive(Clone, Debug)]
pub(crate) enum Interests {
    None,
    All,
    Of(Arc<HashSet<Arc<str>>>),
}

impl Interests {
    pub(crate) fn contains(&self, event_type: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(types) => types.contains(event_type),
        }
    }

    /// The name of a type that it asked for: kept once for every event of that type.
    pub(crate) fn kept(&self, event_type: &str) -> Option<&Arc<str>> {
        match self {
            Self::Of(types) => types.get(event_type),
            Self::All | Self::None => None,
        }
    }
}

/// What can be entered.
pub(crate) struct Live {
    pub(crate) store: Store<HostState>,
    raw: Option<RawInstance>,
}

impl Instance {
    /// Its name in logs, errors and filter histories.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How much data it has read and written; can be watched from another thread while a call runs.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// How often it was called, its helpers included.
    pub(crate) fn calls(&self) -> u64 {
        let own = self.spent.lock().calls;
        self.helpers.iter().fold(own, |calls, helper| calls.saturating_add(helper.spent.lock().calls))
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        let own = self.spent.lock().clone();
        let all = self.helpers.iter().fold(own, |usage, helper| usage.with(&helper.spent.lock()));
        Usage { bytes_read: self.meter.read(), bytes_written: self.meter.written(), ..all }
    }

    /// The kinds of data that it filters, as it said when it was configured; none stands for all.
    pub fn data_kinds(&self) -> &[DataKind] {
        &self.data_kinds
    }

    fn start(&mut self, args: &str, scope: Scope<'_>) -> Result<(), Error> {
        let loaded = self.component.loaded.clone();
        let of_call = loaded.clone();
        let raw =
            self.enter(scope, async move |live| of_call.pre.instantiate_async(&mut live.store).await)?;
        if let Some(live) = &mut self.live {
            live.raw = Some(raw);
        }
        let configurable = loaded.configurable.clone().ok_or_else(|| Error::InvalidComponent {
            component: self.name.to_string(),
            reason: "it does not export flip:fl/configurable, as every component must".to_owned(),
        })?;
        let args = args.to_owned();
        let configured = self.enter(scope, async move |live| {
            let guest = configurable.load(&mut live.store, &raw)?;
            guest.call_configure(&mut live.store, &args).await
        })?;
        configured.map_err(|error| match error {
            types::Error::InvalidArgument(reason) => {
                Error::Args { component: self.name.to_string(), reason: one_line(&reason, MAX_TEXT) }
            }
            error => self.failed(error),
        })?;
        // Asked once: what a component is not interested in costs it nothing.
        if let Some(filter) = loaded.dxo_filter.clone() {
            let kinds = self.enter(scope, async move |live| {
                let guest = filter.load(&mut live.store, &raw)?;
                guest.call_data_kinds(&mut live.store).await
            })?;
            // It may say the same a million times.
            for kind in kinds {
                if !self.data_kinds.contains(&kind) {
                    self.data_kinds.push(kind);
                }
            }
        }
        if let Some(handler) = loaded.event_handler.clone() {
            let (guest, interests) = self.enter(scope, async move |live| {
                let guest = handler.load(&mut live.store, &raw)?;
                let interests = guest.call_interests(&mut live.store).await?;
                Ok((guest, interests))
            })?;
            self.handler = Some(guest);
            self.interests = match interests.is_empty() {
                true => Interests::All,
                false => Interests::Of(Arc::new(interests.into_iter().map(Arc::from).collect())),
            };
        }
        Ok(())
    }

    /// The event types that it handles, as it said when it was configured; none where it handles all of them, or
    /// is no handler.
    pub fn event_types(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.interests {
            Interests::Of(types) => Some(types.iter().map(|event_type| &**event_type)),
            Interests::All | Interests::None => None,
        }
    }

    /// Whether it handles events of this type, as it said when it was configured.
    pub fn is_interested(&self, event_type: &str) -> bool {
        self.interests.contains(event_type)
    }

    /// The event types that it handles, as it said when it was configured.
    pub(crate) fn interests(&self) -> &Interests {
        &self.interests
    }

    /// The type of an event, to be kept for as long as it is handled.
    pub(crate) fn event_type(&mut self, event_type: &str) -> Arc<str> {
        if let Some(kept) = self.interests.kept(event_type) {
            return kept.clone();
        }
        if *self.last_event != *event_type {
            self.last_event = event_type.into();
        }
        self.last_event.clone()
    }

    /// Its component.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// What can be entered, and what it was instantiated from.
    pub(crate) fn parts(
        &mut self,
    ) -> Result<(&InstancePre<HostState>, &mut Store<HostState>, RawInstance), Error> {
        let poisoned = self.poisoned();
        match &mut self.live {
            Some(Live { store, raw: Some(raw) }) => Ok((&self.component.loaded.pre, store, *raw)),
            _ => Err(poisoned),
        }
    }

    /// The figures that it reported, since they were last forgotten.
    pub(crate) fn gauges(&mut self) -> IndexMap<String, f64> {
        self.live
            .as_mut()
            .map(|live| std::mem::take(&mut live.store.data_mut().log.gauges))
            .unwrap_or_default()
    }

    /// The figures that it reported, for what it reports from now on to be added.
    pub(crate) fn set_gauges(&mut self, gauges: IndexMap<String, f64>) {
        if let Some(live) = &mut self.live {
            live.store.data_mut().log.gauges = gauges;
        }
    }

    /// Fails where what it does cannot be noted.
    fn audited(&self) -> Result<(), Error> {
        self.audit.as_ref().map_or(Ok(()), Auditor::check)
    }
}
