//! Instances: one configured component in a store of its own, entered one call at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wasmtime::component::{Instance as RawInstance, InstancePre};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};

use crate::bindings::exports::flip::fl::{configurable, dxo_filter, event_handler};
use crate::bindings::flip::fl::types;
use crate::component::{Component, Runtime};
use crate::context::FlContext;
use crate::error::{Error, Failed};
use crate::exchange::DataKind;
use crate::host::HostState;
use crate::host::call::{Aborted, CallCtx, Deadline};
use crate::host::grants::GrantsCtx;
use crate::host::log::{LogCtx, LogSink, TracingLog, one_line};
use crate::host::tensors::{Meter, TensorsCtx};
use crate::limits::{Allowed, LimitReached, Limits};
use crate::policy::Grants;
use crate::services::{Caller, Services};
use crate::tensor::{Budget, Scratch, ScratchFile};
use crate::usage::Usage;

/// The longest text of a component that goes into an error, in bytes.
pub(crate) const MAX_TEXT: usize = 2_000;

/// Makes an [`Instance`]; from [`Component::instance`].
pub struct InstanceBuilder<'a> {
    component: &'a Component,
    name: Arc<str>,
    args: String,
    limits: Limits,
    log: Arc<dyn LogSink>,
    scratch: Scratch,
    log_name: Option<Arc<str>>,
    id: Option<Arc<str>>,
    grants: Arc<Grants>,
    services: Services,
}

impl<'a> InstanceBuilder<'a> {
    pub(crate) fn new(component: &'a Component) -> Self {
        Self {
            component,
            name: component.name.clone(),
            args: "{}".to_owned(),
            limits: component.runtime.limits().clone(),
            log: Arc::new(TracingLog),
            scratch: Scratch::Memory,
            log_name: None,
            id: None,
            grants: Arc::default(),
            services: Services::default(),
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

    /// What it may use, in place of the runtime's limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
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

    /// What the operator grants to it; nothing by default. The limits among the grants are its limits.
    pub fn grants(mut self, grants: Grants) -> Self {
        if let Some(limits) = &grants.limits {
            self.limits = limits.clone();
        }
        self.grants = Arc::new(grants);
        self
    }

    /// What serves it behind the host interfaces, as far as the grants let it.
    pub fn services(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// Keeps what it writes in a file without a name, in place of memory.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] where no temporary file can be made.
    pub fn scratch_file(mut self) -> Result<Self, Error> {
        let file =
            tempfile::tempfile().map_err(|error| Error::Setup(format!("a temporary file: {error}")))?;
        self.scratch = Scratch::File(Arc::new(ScratchFile::new(Arc::new(file), 0)));
        Ok(self)
    }

    /// Keeps what it writes in the file that is being made, in place of memory.
    pub fn write_to(mut self, output: &crate::safetensors::Output) -> Self {
        self.scratch = output.scratch();
        self
    }

    /// Instantiates the component and configures it, within its limits.
    ///
    /// # Errors
    ///
    /// [`Error::Args`] says what the component does not accept.
    pub fn build(self) -> Result<Instance, Error> {
        let (component, limits) = (self.component, self.limits);
        if component.inspection.size > limits.component_size {
            let allowed = Allowed::Bytes(limits.component_size);
            let reached = LimitReached { limit: "component-size", allowed };
            return Err(Error::Limit { component: self.name.to_string(), reached });
        }
        let meter = Meter::default();
        let winding_up = Arc::<AtomicBool>::default();
        let state = HostState::new(
            &limits,
            CallCtx::new(
                self.id.unwrap_or_else(|| self.name.clone()),
                deadline(Instant::now(), &limits, Duration::ZERO, None),
                winding_up.clone(),
            ),
            LogCtx::new(self.log_name.unwrap_or_else(|| self.name.clone()), self.log, &limits),
            TensorsCtx {
                scratch: self.scratch,
                budget: Budget::new(limits.host_bytes),
                meter: meter.clone(),
                window: limits.call_bytes,
            },
            GrantsCtx { name: component.name.clone(), grants: self.grants },
            self.services,
        );
        let mut store = Store::new(component.runtime.engine(), state);
        store.limiter(|state| &mut state.limiter);
        // The fuel is what a call may pass to the host; a window and its arguments fit into the limit.
        store.set_hostcall_fuel(
            usize::try_from(limits.call_bytes).unwrap_or(usize::MAX).saturating_add(4 << 10),
        );
        store.epoch_deadline_callback(|mut store| {
            store.data_mut().call.go_on()?;
            Ok(UpdateDeadline::Continue(1))
        });
        let mut instance = Instance {
            runtime: component.runtime.clone(),
            component: component.clone(),
            name: self.name,
            limits,
            meter,
            data_kinds: Vec::new(),
            interests: Interests::None,
            spent: Usage::default(),
            winding_up,
            live: Some(Live { store, raw: None }),
        };
        instance.start(&self.args)?;
        Ok(instance)
    }
}

/// A configured component. A trap, a limit or a call that was given up ends it: the next call answers
/// [`Error::Poisoned`], and a new instance is cheap.
///
/// Calls block until the component returns, for as long as [`Limits::call_time`]; async programs call
/// from a thread that may block, such as tokio's `spawn_blocking` gives.
pub struct Instance {
    runtime: Runtime,
    component: Component,
    name: Arc<str>,
    limits: Limits,
    meter: Meter,
    data_kinds: Vec<DataKind>,
    interests: Interests,
    /// Whether a service that is at work has to undo what it has begun.
    winding_up: Arc<AtomicBool>,
    /// What all calls so far have used.
    spent: Usage,
    live: Option<Live>,
}

/// The event types that an instance handles.
#[derive(Clone, Debug)]
pub(crate) enum Interests {
    None,
    All,
    Of(Arc<HashSet<String>>),
}

impl Interests {
    pub(crate) fn contains(&self, event_type: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(types) => types.contains(event_type),
        }
    }
}

/// On whose behalf a call is made.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope<'a> {
    /// The context of the call, with its abort signal.
    pub(crate) context: Option<&'a Arc<FlContext>>,
    /// When the time of a component is up that waits for this call.
    pub(crate) not_after: Option<Instant>,
}

impl<'a> Scope<'a> {
    /// A call of the host's own.
    pub(crate) fn of(context: &'a Arc<FlContext>) -> Self {
        Self { context: Some(context), not_after: None }
    }

    /// A call that another component waits for.
    pub(crate) fn within(caller: Caller<'a>) -> Self {
        Self { context: Some(caller.context), not_after: Some(caller.deadline) }
    }
}

/// How long a service has to undo what it has begun, once the time of the call is up.
const WINDING_UP: Duration = Duration::from_secs(10);

/// When a call that starts now ends at the latest.
fn deadline(started: Instant, limits: &Limits, spent: Duration, not_after: Option<Instant>) -> Deadline {
    let left = limits.total_time.saturating_sub(spent);
    let (time, limit, allowed) = match left < limits.call_time {
        true => (left, "total-time", limits.total_time),
        false => (limits.call_time, "call-time", limits.call_time),
    };
    // A limit so long that it cannot be added is one of a century.
    let at = started.checked_add(time).unwrap_or(started + Duration::from_secs(3_153_600_000));
    Deadline {
        at: not_after.map_or(at, |not_after| at.min(not_after)),
        reached: LimitReached { limit, allowed: Allowed::Time(allowed) },
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

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        Usage { bytes_read: self.meter.read(), bytes_written: self.meter.written(), ..self.spent.clone() }
    }

    /// The kinds of data that it filters, as it said when it was configured; none stands for all.
    pub(crate) fn data_kinds(&self) -> &[DataKind] {
        &self.data_kinds
    }

    fn start(&mut self, args: &str) -> Result<(), Error> {
        let pre = self.component.pre.clone();
        let raw = self.enter(Scope::default(), async |live| pre.instantiate_async(&mut live.store).await)?;
        if let Some(live) = &mut self.live {
            live.raw = Some(raw);
        }
        let configurable = configurable::GuestIndices::new(&pre).map_err(|_| Error::InvalidComponent {
            component: self.name.to_string(),
            reason: "it does not export flip:fl/configurable, as every component must".to_owned(),
        })?;
        let configured = self.enter(Scope::default(), async |live| {
            let guest = configurable.load(&mut live.store, &raw)?;
            guest.call_configure(&mut live.store, &args.to_owned()).await
        })?;
        configured.map_err(|error| match error {
            types::Error::InvalidArgument(reason) => {
                Error::Args { component: self.name.to_string(), reason: one_line(&reason, MAX_TEXT) }
            }
            error => self.failed(error),
        })?;
        // Asked once: what a component is not interested in costs it nothing.
        if let Ok(filter) = dxo_filter::GuestIndices::new(&pre) {
            self.data_kinds = self.enter(Scope::default(), async |live| {
                let guest = filter.load(&mut live.store, &raw)?;
                guest.call_data_kinds(&mut live.store).await
            })?;
        }
        if let Ok(handler) = event_handler::GuestIndices::new(&pre) {
            let interests = self.enter(Scope::default(), async |live| {
                let guest = handler.load(&mut live.store, &raw)?;
                guest.call_interests(&mut live.store).await
            })?;
            self.interests = match interests.is_empty() {
                true => Interests::All,
                false => Interests::Of(Arc::new(interests.into_iter().collect())),
            };
        }
        Ok(())
    }

    /// The event types that it handles, as it said when it was configured.
    pub(crate) fn interests(&self) -> &Interests {
        &self.interests
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
            Some(Live { store, raw: Some(raw) }) => Ok((&self.component.pre, store, *raw)),
            _ => Err(poisoned),
        }
    }

    fn poisoned(&self) -> Error {
        Error::Poisoned { component: self.name.to_string() }
    }

    /// Enters the component for one call. Unless the call returns, what was entered is gone.
    pub(crate) fn enter<R>(
        &mut self,
        scope: Scope<'_>,
        call: impl AsyncFnOnce(&mut Live) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        let started = Instant::now();
        let deadline = deadline(started, &self.limits, self.spent.time, scope.not_after);
        // A call shorter than the epoch's tick would not notice. It is not entered, and stays what it is:
        // the time that is up may be that of who calls.
        if self.live.is_some() && deadline.at <= started {
            return Err(self.ended(&deadline.reached.into()));
        }
        let mut live = self.live.take().ok_or_else(|| self.poisoned())?;
        live.store.set_epoch_deadline(1);
        let under_way = &mut live.store.data_mut().call;
        under_way.deadline = deadline;
        under_way.context = scope.context.cloned().unwrap_or_default();
        under_way.abort = under_way.context.abort.clone();
        let result = {
            // The deadline of the epoch ends loops; this one ends waiting inside a host function.
            let _tokio = self.runtime.tokio().enter();
            pollster::block_on(async {
                let late = || Err(deadline.reached.into());
                let mut call = std::pin::pin!(call(&mut live));
                let in_time = tokio::time::timeout_at(deadline.at.into(), call.as_mut()).await;
                match in_time {
                    Ok(result) => result,
                    Err(_) if self.winding_up.load(Ordering::Relaxed) => {
                        tokio::time::timeout(WINDING_UP, call).await.unwrap_or_else(|_| late())
                    }
                    Err(_) => late(),
                }
            })
        };
        let state = live.store.data();
        self.spent.calls += 1;
        self.spent.time += started.elapsed();
        self.spent.peak_memory = state.limiter.peak();
        self.spent.host_calls = state.usage.host_calls.clone();
        self.spent.stored.clone_from(&state.object_store.stored);
        self.spent.deleted.clone_from(&state.deleted);
        match result {
            Ok(value) => {
                self.live = Some(live);
                Ok(value)
            }
            Err(error) => Err(self.ended(&error)),
        }
    }

    /// Why a call ended without an answer.
    pub(crate) fn ended(&self, error: &wasmtime::Error) -> Error {
        tracing::debug!(component = &*self.name, "{error:?}");
        let component = self.name.to_string();
        if let Some(reached) = error.downcast_ref::<LimitReached>() {
            return Error::Limit { component, reached: *reached };
        }
        if error.is::<Aborted>() {
            return self.failed(types::Error::Aborted);
        }
        if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
            return Error::Setup(format!("too many instances live at a time: {full}"));
        }
        let reason = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        if reason.starts_with("resource limit exceeded") {
            return Error::Limit {
                component,
                reached: LimitReached { limit: "instances", allowed: Allowed::Count(self.limits.instances) },
            };
        }
        if reason.contains("fuel allocated for hostcalls has been exhausted") {
            return Error::Limit {
                component,
                reached: LimitReached {
                    limit: "call-bytes",
                    allowed: Allowed::Bytes(self.limits.call_bytes),
                },
            };
        }
        Error::Trapped { component, reason: one_line(reason.trim_start_matches("wasm trap: "), MAX_TEXT) }
    }

    /// An error that the component answered with.
    pub(crate) fn failed(&self, error: types::Error) -> Error {
        use types::Error as E;
        let clean = |text: String| one_line(&text, MAX_TEXT);
        Error::Failed {
            component: self.name.to_string(),
            error: Failed(match error {
                E::InvalidArgument(text) => E::InvalidArgument(clean(text)),
                E::InvalidData(text) => E::InvalidData(clean(text)),
                E::NotFound(text) => E::NotFound(clean(text)),
                E::NotPermitted(text) => E::NotPermitted(clean(text)),
                E::QuotaExceeded(text) => E::QuotaExceeded(clean(text)),
                E::Unavailable(text) => E::Unavailable(clean(text)),
                E::Aborted => E::Aborted,
            }),
        }
    }

    /// The filter refused.
    pub(crate) fn refused(&self, reason: &str) -> Error {
        Error::Refused { component: self.name.to_string(), reason: one_line(reason, MAX_TEXT) }
    }
}
