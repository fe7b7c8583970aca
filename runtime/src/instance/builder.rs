//! How an instance is made: its args, its limits, its grants, and what serves it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

use super::deadline::deadline;
use super::fits::{LENT, fits};
use super::{Instance, Interests, Live, Scope, Sharing};
use crate::audit::{AuditTrail, Auditor, CallSink};
use crate::budget::Budget;
use crate::component::Component;
use crate::error::Error;
use crate::host::HostState;
use crate::host::call::CallCtx;
use crate::host::grants::GrantsCtx;
use crate::host::log::{Level, LogCtx, LogSink, TracingLog};
use crate::host::tensors::{Meter, TensorsCtx};
use crate::limits::Limits;
use crate::policy::Grants;
use crate::services::Services;
use crate::tensor::{Scratch, ScratchFile};
use crate::turns::{Had, Turn};
use crate::usage::LimitUse;

/// Makes an [`Instance`]; from [`Component::instance`].
#[derive(Clone)]
pub struct InstanceBuilder {
    component: Component,
    name: Arc<str>,
    args: String,
    limits: Limits,
    log: Arc<dyn LogSink>,
    scratch: Scratch,
    log_name: Option<Arc<str>>,
    id: Option<Arc<str>>,
    grants: Arc<Grants>,
    /// The name of the policy's table that grants it, or would.
    table: Arc<str>,
    services: Services,
    audit: Option<(AuditTrail, String)>,
    auditor: Option<Auditor>,
    told: Option<Arc<dyn CallSink>>,
    clock: Option<Duration>,
    pinned: bool,
    meter: Meter,
    sharing: Option<Sharing>,
    measures_changes: bool,
    /// Whether it shares the work of another.
    helps: bool,
    /// What those have had of the cores whose work it shares.
    had: Option<Had>,
    #[cfg(feature = "cut")]
    pub(super) cut_after: Option<usize>,
}

impl InstanceBuilder {
    pub(crate) fn new(component: &Component) -> Self {
        Self {
            component: component.clone(),
            name: component.name.clone(),
            args: "{}".to_owned(),
            limits: component.runtime.limits().clone(),
            log: Arc::new(TracingLog),
            scratch: Scratch::Memory,
            log_name: None,
            id: None,
            grants: Arc::default(),
            table: component.name.clone(),
            services: Services::default(),
            audit: None,
            auditor: None,
            told: None,
            clock: None,
            pinned: false,
            meter: Meter::default(),
            sharing: None,
            measures_changes: false,
            helps: false,
            had: None,
            #[cfg(feature = "cut")]
            cut_after: None,
        }
    }

    /// Its name in logs, errors and filter histories, in place of the component's.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The `args` object of the job's configuration, as JSON text.
    pub fn args(mut self, args: impl Into<String>) -> Self {
        self.args = args.into();
        self
    }

    /// What it may use, in place of the runtime's limits; no more of instances and tables than
    /// [`Limits::MOST_INSTANCES`] and [`Limits::MOST_TABLE_ELEMENTS`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits.with_room();
        self
    }

    /// Where its log lines go; to [`tracing`] by default.
    pub fn log(mut self, log: Arc<dyn LogSink>) -> Self {
        self.log = log;
        self
    }

    /// Its name in the log, in place of its name.
    pub fn log_as(mut self, name: &str) -> Self {
        self.log_name = Some(name.into());
        self
    }

    /// Its id in the job's configuration; its name by default.
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Whether what it changes is looked at while it does, for [`Leaf::change`](crate::Leaf::change).
    pub fn measure_changes(mut self, measure: bool) -> Self {
        self.measures_changes = measure;
        self
    }

    /// What the operator grants to it; nothing by default. The limits among the grants are its limits.
    pub fn grants(mut self, grants: Grants) -> Self {
        if let Some(limits) = &grants.limits {
            self.limits = limits.clone().with_room();
        }
        self.grants = Arc::new(grants);
        self
    }

    /// The policy's table that its refusals name, in place of its component's.
    pub(crate) fn table(mut self, table: Arc<str>) -> Self {
        self.table = table;
        self
    }

    /// What serves it behind the host interfaces, as far as the grants let it.
    pub fn services(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// Writes down what it is and may do, and each of its calls that touches a file, an object or the hub.
    /// `place` is the server or the site where it runs.
    pub fn audit(mut self, trail: &AuditTrail, place: &str) -> Self {
        self.audit = Some((trail.clone(), place.to_owned()));
        self
    }

    /// Tells somebody of its calls who writes no trail.
    pub(crate) fn telling(mut self, sink: Arc<dyn CallSink>) -> Self {
        self.told = Some(sink);
        self
    }

    /// Stops its wall clock, so long after 1970.
    pub(crate) fn clock(mut self, at: Duration) -> Self {
        self.clock = Some(at);
        self
    }

    /// Whether somebody asked for this very component, by its digest.
    pub(crate) fn pinned(mut self, pinned: bool) -> Self {
        self.pinned = pinned;
        self
    }

    /// Filters in phases, where the component can, whatever the size of the data: by so many instances, in parts
    /// of `part` bytes, but at least a window of a tensor. For tests: what comes of the data must be the same.
    pub fn share(mut self, instances: usize, part: u64) -> Self {
        self.sharing = Some(Sharing { part, instances });
        self
    }

    /// One that shares the work of the instance that it made: it computes, and does nothing else.
    pub(super) fn helper(&self) -> Self {
        let grants = Grants { wasi: self.grants.wasi.clone(), ..Grants::default() };
        Self {
            grants: grants.into(),
            services: Services::default(),
            audit: None,
            auditor: None,
            told: None,
            scratch: Scratch::Memory,
            helps: true,
            ..self.clone()
        }
    }

    /// Notes what it does as another's.
    pub(super) fn noted_as(mut self, auditor: Option<Auditor>) -> Self {
        self.auditor = auditor;
        self
    }

    /// Counts what it has of the cores there as well.
    #[cfg(test)]
    pub(crate) fn had(mut self, had: Had) -> Self {
        self.had = Some(had);
        self
    }

    /// Counts its data together with another's.
    pub(super) fn counted(mut self, meter: Meter) -> Self {
        self.meter = meter;
        self
    }

    /// Keeps what it writes in a file without a name, in place of memory.
    pub fn scratch_file(mut self) -> Self {
        self.scratch = Scratch::File(Arc::new(ScratchFile::temporary()));
        self
    }

    /// Keeps what it writes in the file that is being made, in place of memory.
    pub fn write_to(mut self, output: &crate::safetensors::Output) -> Self {
        self.scratch = output.scratch();
        self
    }

    /// Makes places ready for so many instances like this one: each is then made in a third of the time that it
    /// takes in a new place, on whatever thread; in a runtime with places for fewer than 100, on this one. Nothing
    /// is granted meanwhile, and nothing is logged or noted.
    ///
    /// A place keeps the memory that an instance begins with, as long as the component is loaded, for whoever loads
    /// it. While 128 places or more are free, another component takes the one that was left first, not a new one; in a
    /// runtime with places for fewer than 100, while some dozens are.
    ///
    /// # Errors
    ///
    /// Those of [`InstanceBuilder::build`], also where the process has no room for so many.
    ///
    /// ```
    /// # use flip_runtime::Runtime;
    /// let filter = Runtime::new()?.load("percentile-privacy")?.instance().args(r#"{"gamma": 0.02}"#);
    /// filter.warm(20)?;
    /// let instances = (0..20).map(|_| filter.clone().build()).collect::<Result<Vec<_>, _>>()?;
    /// # assert_eq!(instances.len(), 20);
    /// # Ok::<(), flip_runtime::Error>(())
    /// ```
    pub fn warm(&self, instances: usize) -> Result<(), Error> {
        let like = self.helper().log(Arc::new(NoLog));
        (0..instances).map(|_| like.clone().build()).collect::<Result<Vec<_>, _>>()?;
        Ok(())
    }

    /// Instantiates the component and configures it, within its limits.
    ///
    /// # Errors
    ///
    /// [`Error::Args`] says what the component does not accept, [`Error::Withheld`] what it imports that the
    /// grants withhold. [`Error::Audit`] where the audit trail cannot be written.
    pub fn build(self) -> Result<Instance, Error> {
        self.build_within(Scope::default())
    }

    /// The same as a part of a call that is under way.
    pub(crate) fn build_within(self, scope: Scope<'_>) -> Result<Instance, Error> {
        // Others like it may be made later, to share its work.
        let had = self.had.clone().unwrap_or_default();
        let phased = self.component.loaded.phased;
        let blueprint = phased.then(|| Self { had: Some(had.clone()), ..self.clone() });
        let (component, limits, meter) = (self.component, self.limits, self.meter);
        let id = self.id.unwrap_or_else(|| self.name.clone());
        // What is refused now is in the trail as well.
        let audit = self.audit.map(|(trail, place)| {
            Auditor::start(&trail, &place, &id, &component, self.pinned, &self.grants, &limits)
        });
        let audit = audit.transpose()?;
        let budget = Budget::new(&limits, matches!(self.scratch, Scratch::Memory));
        fits(&component.loaded.inspection, &limits, &budget).map_err(|reached| Error::Limit {
            component: self.name.to_string(),
            reached,
            table: self.table.to_string(),
        })?;
        let imports = component.loaded.inspection.imports.iter().map(|import| &*import.interface);
        if let Some(bit) = self.grants.withheld(imports) {
            return Err(Error::Withheld {
                component: component.name.to_string(),
                import: bit.name(),
                line: self.grants.wasi_with(bit),
                table: self.table.to_string(),
            });
        }
        let calls = |interface: &str| {
            let mut imports = component.loaded.inspection.imports.iter();
            imports.any(|import| import.interface.starts_with(interface) && !import.functions.is_empty())
        };
        let has_directories = !self.grants.directories.is_empty() && self.services.directories.is_some();
        let uses_disks = has_directories && calls("flip:fl/storage@")
            || matches!(self.scratch, Scratch::File(_)) && calls("flip:fl/tensors@");
        let winding_up = Arc::<AtomicBool>::default();
        let told = self.told.map(|sink| Auditor::telling(sink, &id));
        let audit = audit.or(told).or(self.auditor);
        let mut state = HostState::new(
            &limits,
            CallCtx::new(
                id,
                deadline(Instant::now(), &limits, Duration::ZERO, None),
                Turn::new(component.runtime.turns().clone(), had),
                winding_up.clone(),
            ),
            LogCtx::new(self.log_name.unwrap_or_else(|| self.name.clone()), self.log, &limits),
            TensorsCtx { budget, scratch: self.scratch, meter: meter.clone(), window: limits.call_bytes },
            GrantsCtx::new(self.table.clone(), self.grants, self.helps),
            self.services,
        );
        state.audit.clone_from(&audit);
        let spent = state.spent.clone();
        if let Some(at) = self.clock {
            state.stop_clock(at);
        }
        let mut store = Store::new(component.runtime.engine(), state);
        store.limiter(|state| &mut state.limiter);
        // The fuel is what a call may pass to the host; a window and its arguments fit into the limit.
        store.set_hostcall_fuel(
            usize::try_from(limits.call_bytes).unwrap_or(usize::MAX).saturating_add(4 << 10),
        );
        // Resources of its own are handles, too, which nobody asks the host for.
        let handles = usize::try_from(limits.handles).unwrap_or(usize::MAX);
        store.set_max_component_handles(handles.saturating_add(LENT));
        store.epoch_deadline_callback(|mut store| {
            let call = &mut store.data_mut().call;
            call.go_on()?;
            Ok(match call.turn.is_over(&call.abortable()) {
                true => UpdateDeadline::Yield(1),
                false => UpdateDeadline::Continue(1),
            })
        });
        store.call_hook(|store, hook| {
            if hook.exiting_host() {
                store.data().call.turn.set_in_host(false);
            }
            store.data().call.is_awaited()
        });
        spent.lock().most = LimitUse {
            compile_time: component.compiling.time,
            compile_memory: component.compiling.memory,
            instances: component.loaded.inspection.core_instances,
            ..LimitUse::default()
        };
        let mut instance = Instance {
            runtime: component.runtime.clone(),
            component,
            name: self.name,
            table: self.table,
            limits,
            meter,
            data_kinds: Vec::new(),
            interests: Interests::None,
            handler: None,
            last_event: Arc::default(),
            spent,
            winding_up,
            uses_disks,
            audit,
            #[cfg(feature = "cut")]
            cut_after: self.cut_after,
            live: Some(Live { store, raw: None }),
            blueprint: blueprint.map(Box::new),
            helpers: Vec::new(),
            sharing: self.sharing,
            measures_changes: self.measures_changes,
        };
        instance.start(&self.args, scope)?;
        Ok(instance)
    }
}

/// Nobody reads what instances log that only make places ready.
struct NoLog;

impl LogSink for NoLog {
    fn line(&self, _: &str, _: Level, _: &str) {}
}
