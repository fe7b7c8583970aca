//! The interface `hub`. The hub's address and its key never enter a component.

use std::sync::Arc;

use wasmtime::component::HasData;

use super::Failure;
use super::call::{CallCtx, Quota};
use super::grants::GrantsCtx;
use crate::bindings::flip::fl::hub::Host;
use crate::bindings::flip::fl::types::{Error, Host as TypesHost, ModelStatus};
use crate::policy::HubVerb;
use crate::services::{Hub, HubMessage};

pub(crate) struct HasHub;

impl HasData for HasHub {
    type Data<'a> = HubView<'a>;
}

pub(crate) struct HubView<'a> {
    pub(crate) calls: &'a mut Quota,
    pub(crate) call: &'a CallCtx,
    pub(crate) grants: &'a GrantsCtx,
    pub(crate) hub: Option<&'a Arc<dyn Hub>>,
}

impl HubView<'_> {
    async fn send(&mut self, verb: HubVerb, message: HubMessage) -> Result<(), Failure> {
        self.call.check()?;
        self.grants.hub(verb)?;
        let hub = self.hub.ok_or_else(|| Failure::unavailable("this host has no hub"))?.clone();
        self.calls.take(1)?;
        let sent = self.call.serve(false, move |call| hub.send(call, &message)).await;
        sent.map_err(|error| self.call.service_failure(error))
    }
}

impl TypesHost for HubView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for HubView<'_> {
    async fn update_status(&mut self, model_id: String, status: ModelStatus) -> Result<(), Failure> {
        self.send(HubVerb::UpdateStatus, HubMessage::Status { model_id, status }).await
    }

    async fn send_metric(
        &mut self,
        client: String,
        model_id: String,
        label: String,
        value: f64,
        round: u32,
    ) -> Result<(), Failure> {
        let message = HubMessage::Metric { client, model_id, label, value, round };
        self.send(HubVerb::SendMetric, message).await
    }

    async fn send_exception(
        &mut self,
        client: String,
        model_id: String,
        text: String,
    ) -> Result<(), Failure> {
        self.send(HubVerb::SendException, HubMessage::Exception { client, model_id, text }).await
    }
}
