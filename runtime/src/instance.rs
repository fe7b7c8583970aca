//! Instances: one configured component in a store of its own, entered one call at a time.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Instance as RawInstance;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};

use crate::bindings::exports::flip::fl::{configurable, dxo_filter};
use crate::bindings::flip::fl::types;
use crate::component::{Component, Runtime};
use crate::context::AbortSignal;
use crate::error::{Error, Failed};
use crate::exchange::DataKind;
use crate::host::log::{LogCtx, LogSink, TracingLog, one_line};
use crate::host::tensors::{Meter, TensorsCtx};
use crate::host::{Aborted, Deadline, HostState};
use crate::limits::{Allowed, LimitReached, Limits};
use crate::tensor::{Budget, Scratch};
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
        let state = HostState::new(
            &limits,
            LogCtx::new(self.name.clone(), self.log, &limits),
            TensorsCtx {
                scratch: self.scratch,
                budget: Budget::new(limits.host_bytes),
                meter: meter.clone(),
                abort: AbortSignal::default(),
                deadline: None,
                window: limits.call_bytes,
            },
        );
        let mut store = Store::new(component.runtime.engine(), state);
        store.limiter(|state| &mut state.limiter);
        // The fuel is what a call may pass to the host; a window and its arguments fit into the limit.
        store.set_hostcall_fuel(
            usize::try_from(limits.call_bytes).unwrap_or(usize::MAX).saturating_add(4 << 10),
        );
        store.epoch_deadline_callback(|mut store| {
            store.data_mut().go_on()?;
            Ok(UpdateDeadline::Continue(1))
        });
        let mut instance = Instance {
            runtime: component.runtime.clone(),
            component: component.clone(),
            name: self.name,
            limits,
            meter,
            data_kinds: Vec::new(),
            spent: Usage::default(),
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
    /// What all calls so far have used.
    spent: Usage,
    live: Option<Live>,
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
        let raw = self.enter(None, async |live| pre.instantiate_async(&mut live.store).await)?;
        if let Some(live) = &mut self.live {
            live.raw = Some(raw);
        }
        let configurable = configurable::GuestIndices::new(&pre).map_err(|_| Error::InvalidComponent {
            component: self.name.to_string(),
            reason: "it does not export flip:fl/configurable, as every component must".to_owned(),
        })?;
        let configured = self.enter(None, async |live| {
            let guest = configurable.load(&mut live.store, &raw)?;
            guest.call_configure(&mut live.store, &args.to_owned()).await
        })?;
        configured.map_err(|error| match error {
            types::Error::InvalidArgument(reason) => {
                Error::Args { component: self.name.to_string(), reason: one_line(&reason, MAX_TEXT) }
            }
            error => self.failed(error),
        })?;
        if let Ok(filter) = dxo_filter::GuestIndices::new(&pre) {
            self.data_kinds = self.enter(None, async |live| {
                let guest = filter.load(&mut live.store, &raw)?;
                guest.call_data_kinds(&mut live.store).await
            })?;
        }
        Ok(())
    }

    /// The exports of role `dxo-filter`.
    pub(crate) fn dxo_filter(&mut self) -> Result<dxo_filter::Guest, Error> {
        self.component.require("dxo-filter")?;
        let pre = &self.component.pre;
        let Some(Live { store, raw: Some(raw) }) = &mut self.live else {
            return Err(self.poisoned());
        };
        dxo_filter::GuestIndices::new(pre)
            .and_then(|indices| indices.load(store, raw))
            .map_err(|error| self.ended(&error))
    }

    fn poisoned(&self) -> Error {
        Error::Poisoned { component: self.name.to_string() }
    }

    /// Enters the component for one call. Unless the call returns, what was entered is gone.
    pub(crate) fn enter<R>(
        &mut self,
        abort: Option<&AbortSignal>,
        call: impl AsyncFnOnce(&mut Live) -> wasmtime::Result<R>,
    ) -> Result<R, Error> {
        let mut live = self.live.take().ok_or_else(|| self.poisoned())?;
        let started = Instant::now();
        let deadline = self.deadline(started);
        // A call shorter than the epoch's tick would not notice.
        if deadline.at <= started {
            return Err(self.ended(&deadline.reached.into()));
        }
        live.store.set_epoch_deadline(1);
        let state = live.store.data_mut();
        state.tensors.deadline = Some(deadline);
        state.tensors.abort = abort.cloned().unwrap_or_default();
        let result = {
            // The deadline of the epoch ends loops; this one ends waiting inside a host function.
            let _timer = self.runtime.timer().map(tokio::runtime::Handle::enter);
            pollster::block_on(async {
                tokio::time::timeout_at(deadline.at.into(), call(&mut live))
                    .await
                    .unwrap_or_else(|_| Err(deadline.reached.into()))
            })
        };
        let state = live.store.data();
        self.spent.calls += 1;
        self.spent.time += started.elapsed();
        self.spent.peak_memory = state.limiter.peak();
        self.spent.host_calls = state.usage.host_calls.clone();
        match result {
            Ok(value) => {
                self.live = Some(live);
                Ok(value)
            }
            Err(error) => Err(self.ended(&error)),
        }
    }

    fn deadline(&self, started: Instant) -> Deadline {
        let left = self.limits.total_time.saturating_sub(self.spent.time);
        let (time, limit, allowed) = match left < self.limits.call_time {
            true => (left, "total-time", self.limits.total_time),
            false => (self.limits.call_time, "call-time", self.limits.call_time),
        };
        Deadline {
            // A limit so long that it cannot be added is one of a century.
            at: started.checked_add(time).unwrap_or(started + std::time::Duration::from_secs(3_153_600_000)),
            reached: LimitReached { limit, allowed: Allowed::Time(allowed) },
        }
    }

    /// Why a call ended without an answer.
    fn ended(&self, error: &wasmtime::Error) -> Error {
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
