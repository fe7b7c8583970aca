//! The host's side of the contract: one file per WIT interface, each a view that borrows what it
//! works on from the state of one instance.

pub(crate) mod audited;
pub(crate) mod call;
pub(crate) mod cleanup;
pub(crate) mod context;
pub(crate) mod events;
pub(crate) mod exchange;
mod failure;
pub(crate) mod grants;
pub(crate) mod hub;
pub(crate) mod log;
pub(crate) mod object_store;
mod open_files;
pub(crate) mod peers;
pub(crate) mod storage;
mod table;
pub(crate) mod tensors;
mod wasi;

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use wasmtime::component::{Linker, Resource, ResourceTableError};
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::audit::Auditor;
use crate::bindings::flip::fl as contract;
use crate::budget::Remembered;
use crate::limits::{Allowed, LimitReached, Limits};
use crate::services::Services;
use crate::store_limiter::StoreLimiter;
use crate::usage::{Besides, HostCalls, LimitUse, Spent};
use call::{CallCtx, Quota};
use context::SharedContext;
pub use failure::Failure;
use failure::quota_exceeded;
pub(crate) use table::Table;
use wasi::Wasi;

/// What one instance's store holds.
pub(crate) struct HostState {
    pub(crate) table: Table,
    /// The handle of the context of whichever call is under way: one for all of them, so that no event that is
    /// delivered allocates one.
    ctx: Option<Resource<SharedContext>>,
    pub(crate) limiter: StoreLimiter,
    pub(crate) call: CallCtx,
    pub(crate) log: log::LogCtx,
    pub(crate) tensors: tensors::TensorsCtx,
    pub(crate) storage: storage::StorageCtx,
    pub(crate) object_store: object_store::ObjectStoreCtx,
    pub(crate) deleted: cleanup::Deletions,
    host_calls: HostCalls,
    /// What the instance has used, brought up to date before each call that may hang.
    pub(crate) spent: Spent,
    /// Notes the calls that touch something, where a trail is kept.
    pub(crate) audit: Option<Auditor>,
    grants: grants::GrantsCtx,
    services: Services,
    events: Quota,
    hub_calls: Quota,
    wasi: Wasi,
}

impl HostState {
    pub(crate) fn new(
        limits: &Limits,
        call: CallCtx,
        log: log::LogCtx,
        tensors: tensors::TensorsCtx,
        grants: grants::GrantsCtx,
        services: Services,
    ) -> Self {
        Self {
            table: Table::new(limits, tensors.budget.clone()),
            ctx: None,
            limiter: StoreLimiter::new(limits, tensors.budget.clone()),
            call,
            log,
            storage: storage::StorageCtx {
                meter: tensors.meter.clone(),
                files: Quota::count("files", limits.files),
                bytes: Quota::bytes("file-bytes", limits.file_bytes),
                open: open_files::OpenFiles::new(limits),
                window: limits.call_bytes,
            },
            object_store: object_store::ObjectStoreCtx {
                bytes: Quota::bytes("upload-bytes", limits.upload_bytes),
                objects: Quota::count("files", limits.files),
                calls: Quota::count("store-calls", limits.store_calls),
                archive_entries: limits.archive_entries,
                archive_depth: limits.archive_depth,
                most_archived: Arc::default(),
                window: limits.call_bytes,
                stored: Vec::new(),
                remembered: Remembered::nothing(&tensors.budget),
                besides: Besides::default(),
                archived: None,
            },
            deleted: cleanup::Deletions::none(&tensors.budget),
            tensors,
            host_calls: HostCalls::default(),
            spent: Spent::default(),
            audit: None,
            grants,
            services,
            events: Quota::count("events", limits.events),
            hub_calls: Quota::count("hub-calls", limits.hub_calls),
            wasi: Wasi::new(limits.call_bytes),
        }
    }

    /// Lends the component the context of a call, until that ends.
    pub(crate) fn lend(&mut self, context: &SharedContext) -> wasmtime::Result<Resource<SharedContext>> {
        let ctx = match self.ctx.take() {
            Some(ctx) => {
                context.clone_into(self.table.get_mut(&ctx)?);
                ctx
            }
            None => self.table.push(context.clone())?,
        };
        let lent = Resource::new_borrow(ctx.rep());
        self.ctx = Some(ctx);
        Ok(lent)
    }

    /// The call has ended: lets go of its context, and of the data in it. Who has that alone may change it where it lies.
    pub(crate) fn take_back(&mut self) -> wasmtime::Result<()> {
        static NOTHING: LazyLock<SharedContext> = LazyLock::new(SharedContext::default);
        if let Some(ctx) = &self.ctx {
            NOTHING.clone_into(self.table.get_mut(ctx)?);
        }
        NOTHING.clone_into(&mut self.call.context);
        Ok(())
    }

    /// Stops its wall clock, so long after 1970.
    pub(crate) fn stop_clock(&mut self, at: Duration) {
        self.wasi.stop_clock(at);
    }

    /// Brings what was used up to date. It is on the path of each call, and makes no copy of what is there already.
    pub(crate) fn note_usage(&self) {
        let usage = &mut *self.spent.lock();
        let peak = self.tensors.budget.peak();
        let log = self.log.used;
        let archived = &self.object_store.most_archived;
        usage.peak_memory = peak.memory;
        usage.host_calls.clone_from(&self.host_calls);
        usage.refusals = self.grants.refusals();
        // Both only grow.
        usage
            .stored
            .extend_from_slice(self.object_store.stored.get(usage.stored.len()..).unwrap_or_default());
        usage.deleted.extend_from_slice(self.deleted.all.get(usage.deleted.len()..).unwrap_or_default());
        usage.stored_besides = self.object_store.besides;
        usage.deleted_besides = self.deleted.besides;
        usage.most = LimitUse {
            instances: usage.most.instances.max(self.limiter.made()),
            table_elements: self.limiter.table_elements(),
            handles: peak.handles,
            host_bytes: peak.host,
            call_bytes: self.tensors.meter.largest(),
            log_lines: log.lines,
            log_line: log.longest_line as u64,
            gauges: log.most_gauges as u64,
            events: self.events.used(),
            files: self.storage.files.used(),
            open_files: self.storage.open.most(),
            file_bytes: self.storage.bytes.used(),
            upload_bytes: self.object_store.bytes.used(),
            archive_entries: archived.entries.load(Ordering::Relaxed),
            archive_depth: archived.depth.load(Ordering::Relaxed),
            store_calls: self.object_store.calls.used(),
            hub_calls: self.hub_calls.used(),
            audit_bytes: self.audit.as_ref().map_or(0, Auditor::used),
            ..usage.most
        };
    }

    /// Each function of an interface asks for its view first: here its calls are counted.
    fn serves(&mut self, of: impl FnOnce(&mut HostCalls) -> &mut u64) {
        *of(&mut self.host_calls) += 1;
        self.call.turn.set_in_host(true);
    }

    fn log(&mut self) -> log::LogView<'_> {
        self.serves(|calls| &mut calls.log);
        log::LogView { ctx: &mut self.log }
    }

    fn context(&mut self) -> context::ContextView<'_> {
        self.serves(|calls| &mut calls.context);
        context::ContextView { exchange: self.handing_over() }
    }

    fn exchange(&mut self) -> exchange::ExchangeView<'_> {
        self.serves(|calls| &mut calls.exchange);
        self.handing_over()
    }

    /// Not counted: a context is handed over by it as well.
    fn handing_over(&mut self) -> exchange::ExchangeView<'_> {
        exchange::ExchangeView {
            table: &mut self.table,
            budget: &self.tensors.budget,
            grants: &self.grants,
            window: self.tensors.window,
        }
    }

    fn tensors(&mut self) -> tensors::TensorsView<'_> {
        self.serves(|calls| &mut calls.tensors);
        tensors::TensorsView { ctx: &self.tensors, call: &self.call, table: &mut self.table }
    }

    fn events(&mut self) -> audited::Audited<'_, events::EventsView<'_>> {
        self.serves(|calls| &mut calls.events);
        let view = events::EventsView {
            left: &mut self.events,
            call: &self.call,
            grants: &self.grants,
            events: self.services.events.as_ref(),
            log: &mut self.log,
        };
        audited::Audited { view, audit: self.audit.as_ref() }
    }

    fn storage(&mut self) -> audited::Audited<'_, storage::StorageView<'_>> {
        self.serves(|calls| &mut calls.storage);
        self.note_usage();
        let view = storage::StorageView {
            ctx: &mut self.storage,
            call: &self.call,
            grants: &self.grants,
            directories: self.services.directories.as_deref(),
            table: &mut self.table,
        };
        audited::Audited { view, audit: self.audit.as_ref() }
    }

    fn cleanup(&mut self) -> audited::Audited<'_, cleanup::CleanupView<'_>> {
        self.serves(|calls| &mut calls.cleanup);
        self.note_usage();
        let view = cleanup::CleanupView {
            call: &self.call,
            grants: &self.grants,
            deleted: &mut self.deleted,
            table: &mut self.table,
        };
        audited::Audited { view, audit: self.audit.as_ref() }
    }

    fn object_store(&mut self) -> audited::Audited<'_, object_store::ObjectStoreView<'_>> {
        self.serves(|calls| &mut calls.object_store);
        self.note_usage();
        let view = object_store::ObjectStoreView {
            ctx: &mut self.object_store,
            call: &self.call,
            budget: &self.tensors.budget,
            grants: &self.grants,
            store: self.services.object_store.as_ref(),
            table: &mut self.table,
        };
        audited::Audited { view, audit: self.audit.as_ref() }
    }

    fn hub(&mut self) -> audited::Audited<'_, hub::HubView<'_>> {
        self.serves(|calls| &mut calls.hub);
        let view = hub::HubView {
            calls: &mut self.hub_calls,
            call: &self.call,
            grants: &self.grants,
            hub: self.services.hub.as_ref(),
        };
        audited::Audited { view, audit: self.audit.as_ref() }
    }

    fn peers(&mut self) -> audited::Audited<'_, peers::PeersView<'_>> {
        self.serves(|calls| &mut calls.peers);
        let view = peers::PeersView {
            call: &self.call,
            grants: &self.grants,
            peers: self.services.peers.as_ref(),
            table: &mut self.table,
        };
        audited::Audited { view, audit: self.audit.as_ref() }
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.serves(|calls| &mut calls.wasi);
        WasiCtxView { ctx: self.wasi.ctx(), table: self.table.for_wasi() }
    }
}

/// Links everything that this host offers. What a component may do with it is decided at each call.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    contract::log::add_to_linker::<_, log::HasLog>(linker, HostState::log)?;
    contract::context::add_to_linker::<_, context::HasContext>(linker, HostState::context)?;
    contract::exchange::add_to_linker::<_, exchange::HasExchange>(linker, HostState::exchange)?;
    contract::events::add_to_linker::<_, audited::Has<events::HasEvents>>(linker, HostState::events)?;
    contract::storage::add_to_linker::<_, audited::Has<storage::HasStorage>>(linker, HostState::storage)?;
    contract::cleanup::add_to_linker::<_, audited::Has<cleanup::HasCleanup>>(linker, HostState::cleanup)?;
    contract::object_store::add_to_linker::<_, audited::Has<object_store::HasObjectStore>>(
        linker,
        HostState::object_store,
    )?;
    contract::hub::add_to_linker::<_, audited::Has<hub::HasHub>>(linker, HostState::hub)?;
    contract::peers::add_to_linker::<_, audited::Has<peers::HasPeers>>(linker, HostState::peers)?;
    tensors::add_to_linker(linker)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

/// Opens a resource for the component.
pub(crate) fn open<T: Send + 'static>(table: &mut Table, resource: T) -> Result<Resource<T>, Failure> {
    let allowed = Allowed::Count(table.allowed as u64);
    let handle = table.push(resource).map_err(|error| match error {
        ResourceTableError::Full => quota_exceeded(LimitReached { limit: "handles", allowed }),
        other => other.into(),
    })?;
    // Free entries are used first: this is how many were ever open at a time.
    let open = u64::from(handle.rep()).saturating_add(1);
    if let Err(reached) = table.budget.open_handles(open) {
        table.delete(handle)?;
        return Err(quota_exceeded(reached));
    }
    Ok(handle)
}
