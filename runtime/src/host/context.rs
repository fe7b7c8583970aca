//! The interface `context`: what a component may know of the run.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource};

use super::exchange::{ExchangeView, SharedShareable};
use super::{Failure, open};
use crate::bindings::flip::fl::context::{Host, HostFlContext};
use crate::bindings::flip::fl::types::{Error, Host as TypesHost};
use crate::context::FlContext;

pub(crate) struct HasContext;

impl HasData for HasContext {
    type Data<'a> = ContextView<'a>;
}

pub(crate) struct ContextView<'a> {
    /// Texts of the context are handed over as those of a shareable are, and cost as much.
    pub(crate) exchange: ExchangeView<'a>,
}

/// What a handle of resource `fl-context` stands for.
pub type SharedContext = Arc<FlContext>;

type Ctx = Resource<SharedContext>;

impl ContextView<'_> {
    fn get(&self, ctx: &Ctx) -> wasmtime::Result<&FlContext> {
        Ok(self.exchange.table.get(ctx)?)
    }
}

impl TypesHost for ContextView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for ContextView<'_> {}

impl HostFlContext for ContextView<'_> {
    fn job_id(&mut self, ctx: Ctx) -> wasmtime::Result<String> {
        Ok(self.get(&ctx)?.job_id.clone())
    }

    fn identity(&mut self, ctx: Ctx) -> wasmtime::Result<String> {
        Ok(self.get(&ctx)?.identity.clone())
    }

    fn peer_identity(&mut self, ctx: Ctx) -> wasmtime::Result<Option<String>> {
        Ok(self.get(&ctx)?.peer_identity.clone())
    }

    fn local_dev(&mut self, ctx: Ctx) -> wasmtime::Result<bool> {
        Ok(self.get(&ctx)?.local_dev)
    }

    fn prop(&mut self, ctx: Ctx, key: String) -> wasmtime::Result<Option<String>> {
        self.exchange.text(self.get(&ctx)?.props.get(&key))
    }

    fn shareable(&mut self, ctx: Ctx, key: String) -> Result<Option<Resource<SharedShareable>>, Failure> {
        let shareable = self.exchange.table.get(&ctx)?.shareables.get(&key).cloned();
        shareable.map(|shareable| open(self.exchange.table, shareable)).transpose()
    }

    fn aborted(&mut self, ctx: Ctx) -> wasmtime::Result<bool> {
        Ok(self.get(&ctx)?.abort.is_triggered())
    }

    fn drop(&mut self, ctx: Ctx) -> wasmtime::Result<()> {
        self.exchange.table.delete(ctx)?;
        Ok(())
    }
}
