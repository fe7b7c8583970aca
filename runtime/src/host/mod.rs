//! The host's side of the contract: one file per WIT interface, each a view that borrows what it
//! works on from the state of one instance.

pub(crate) mod context;
pub(crate) mod exchange;
pub(crate) mod log;
pub(crate) mod tensors;

use std::time::{Duration, Instant};

use wasmtime::component::{Linker, Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::flip::fl as contract;
use crate::bindings::flip::fl::types;
use crate::limits::{Allowed, LimitReached, Limits, StoreLimiter};
use crate::tensor::TensorError;
use crate::usage::Usage;

/// What one instance's store holds.
pub(crate) struct HostState {
    pub(crate) table: ResourceTable,
    pub(crate) limiter: StoreLimiter,
    pub(crate) log: log::LogCtx,
    pub(crate) tensors: tensors::TensorsCtx,
    pub(crate) usage: Usage,
    /// When the abort signal was first seen.
    aborted_since: Option<Instant>,
    wasi: WasiCtx,
}

/// When a call ends at the latest, and which limit says so.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) reached: LimitReached,
}

/// How long a component may take to end once the run is aborted.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// The run was aborted, and the component did not end by itself.
#[derive(Debug, thiserror::Error)]
#[error("the run is being aborted")]
pub(crate) struct Aborted;

impl HostState {
    /// Fails where the call under way must end: its time is up, or the run was aborted some time ago.
    pub(crate) fn go_on(&mut self) -> wasmtime::Result<()> {
        let now = Instant::now();
        if let Some(deadline) = self.tensors.deadline.filter(|deadline| now >= deadline.at) {
            return Err(deadline.reached.into());
        }
        if self.tensors.abort.is_triggered() {
            let since = *self.aborted_since.get_or_insert(now);
            if now.saturating_duration_since(since) > ABORT_GRACE {
                return Err(Aborted.into());
            }
        }
        Ok(())
    }

    pub(crate) fn new(limits: &Limits, log: log::LogCtx, tensors: tensors::TensorsCtx) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        Self {
            table,
            limiter: StoreLimiter::new(limits),
            log,
            tensors,
            usage: Usage::default(),
            aborted_since: None,
            // No file, no environment, no arguments, no address; standard streams lead nowhere.
            wasi: WasiCtx::builder()
                .max_random_size(limits.call_bytes)
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .build(),
        }
    }

    // Each function of an interface asks for its view once: here its calls are counted.

    fn log(&mut self) -> log::LogView<'_> {
        self.usage.host_calls.log += 1;
        log::LogView { ctx: &mut self.log }
    }

    fn context(&mut self) -> context::ContextView<'_> {
        self.usage.host_calls.context += 1;
        context::ContextView { table: &mut self.table }
    }

    fn exchange(&mut self) -> exchange::ExchangeView<'_> {
        self.usage.host_calls.exchange += 1;
        exchange::ExchangeView { table: &mut self.table, budget: &self.tensors.budget }
    }

    fn tensors(&mut self) -> tensors::TensorsView<'_> {
        self.usage.host_calls.tensors += 1;
        tensors::TensorsView { ctx: &self.tensors, table: &mut self.table }
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.usage.host_calls.wasi += 1;
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Links everything that this host offers. Whether a component may have it is decided before.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    contract::log::add_to_linker::<_, log::HasLog>(linker, HostState::log)?;
    contract::context::add_to_linker::<_, context::HasContext>(linker, HostState::context)?;
    contract::exchange::add_to_linker::<_, exchange::HasExchange>(linker, HostState::exchange)?;
    tensors::add_to_linker(linker)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// How a host function ends that does not answer as asked.
pub enum Failure {
    /// With an error that the component can handle.
    Typed(types::Error),
    /// With a trap: the component broke the canonical ABI's own rules.
    Trap(wasmtime::Error),
}

impl Failure {
    pub(crate) fn invalid_argument(text: impl ToString) -> Self {
        Self::Typed(types::Error::InvalidArgument(text.to_string()))
    }

    /// A trap, where there is no component to tell.
    pub(crate) fn into_trap(self) -> wasmtime::Error {
        match self {
            Self::Typed(error) => wasmtime::Error::msg(format!("{error:?}")),
            Self::Trap(trap) => trap,
        }
    }

    /// The error for the component, or the trap.
    pub(crate) fn into_typed(self) -> wasmtime::Result<types::Error> {
        match self {
            Self::Typed(error) => Ok(error),
            Self::Trap(trap) => Err(trap),
        }
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

/// Opens a resource for the component.
pub(crate) fn open<T: Send + 'static>(
    table: &mut ResourceTable,
    resource: T,
) -> Result<Resource<T>, Failure> {
    let allowed = Allowed::Count(table.max_capacity() as u64);
    table.push(resource).map_err(|error| match error {
        ResourceTableError::Full => {
            let reached = LimitReached { limit: "handles", allowed };
            Failure::Typed(types::Error::QuotaExceeded(reached.to_string()))
        }
        other => other.into(),
    })
}

impl From<TensorError> for Failure {
    fn from(error: TensorError) -> Self {
        let text = error.to_string();
        Self::Typed(match error {
            TensorError::Shape { .. } | TensorError::Length { .. } | TensorError::Window { .. } => {
                types::Error::InvalidArgument(text)
            }
            TensorError::HostBytes { .. } => types::Error::QuotaExceeded(text),
            TensorError::Io(_) => types::Error::Unavailable(text),
            TensorError::Stopped => types::Error::Aborted,
        })
    }
}
