//! The interface `hub`, noted.

use super::{Audited, end};
use crate::audit::{Function, Noting};
use crate::bindings::flip::fl::hub::Host;
use crate::bindings::flip::fl::types::ModelStatus;
use crate::host::Failure;
use crate::host::hub::HubView;
use crate::inspect::Digest;
use crate::services::HubMessage;

impl Audited<'_, HubView<'_>> {
    /// A message is about to be sent, with a body of this digest; gives its length.
    fn sending(
        &self,
        function: Function,
        message: impl FnOnce() -> HubMessage,
    ) -> Result<(Option<Noting>, u64), Failure> {
        let mut body = None;
        let mut noting = self.begin(function, |_| match message().request() {
            Ok(request) => {
                body = request.body;
                (format!("{} {}", request.method, request.path), None)
            }
            // What is wrong with it may be a text of any kind.
            Err(_) => ("a message that is no request".to_owned(), None),
        })?;
        let digested = noting.as_mut().filter(|noting| noting.digests());
        if let Some(entry) = digested.and_then(Noting::entry) {
            entry.sha256 = body.as_ref().map(|body| Digest::of(body.as_ref()));
        }
        Ok((noting, body.map_or(0, |body| body.len() as u64)))
    }
}

impl Host for Audited<'_, HubView<'_>> {
    async fn update_status(&mut self, model_id: String, status: ModelStatus) -> Result<(), Failure> {
        let message = || HubMessage::Status { model_id: model_id.clone(), status };
        let (noting, len) = self.sending(Function::UpdateStatus, message)?;
        let sent = self.view.update_status(model_id, status).await;
        end(noting, sent, |entry, ()| entry.written = len)
    }

    async fn send_metric(
        &mut self,
        client: String,
        model_id: String,
        label: String,
        value: f64,
        round: u32,
    ) -> Result<(), Failure> {
        let message = || HubMessage::Metric {
            client: client.clone(),
            model_id: model_id.clone(),
            label: label.clone(),
            value,
            round,
        };
        let (noting, len) = self.sending(Function::SendMetric, message)?;
        let sent = self.view.send_metric(client, model_id, label, value, round).await;
        end(noting, sent, |entry, ()| entry.written = len)
    }

    async fn send_exception(
        &mut self,
        client: String,
        model_id: String,
        text: String,
    ) -> Result<(), Failure> {
        let message = || HubMessage::Exception {
            client: client.clone(),
            model_id: model_id.clone(),
            text: text.clone(),
        };
        let (noting, len) = self.sending(Function::SendException, message)?;
        let sent = self.view.send_exception(client, model_id, text).await;
        end(noting, sent, |entry, ()| entry.written = len)
    }
}
