//! The Central Hub.

use std::sync::Arc;

use flip_runtime::services::{Call, Hub, HubMessage, ServiceError};
use pyo3::prelude::*;
use tokio::runtime::Handle;

use super::backends::HttpHub;
use super::{Served, unavailable};

/// A `flip_wasm.HttpHub`; or an object with the methods `update_status`, `send_metric` and `send_exception`.
pub fn of(
    py: Python<'_>,
    object: Bound<'_, PyAny>,
    served: &impl Fn(Bound<'_, PyAny>) -> Served,
    tokio: &Handle,
) -> PyResult<Arc<dyn Hub>> {
    match object.cast::<HttpHub>() {
        Ok(hub) => hub.get().open(py, tokio),
        Err(_) => Ok(Arc::new(PythonHub(served(object)))),
    }
}

struct PythonHub(Served);

impl Hub for PythonHub {
    fn send(&self, call: &Call, message: &HubMessage) -> Result<(), ServiceError> {
        call.check()?;
        // What the hub would not take is no message.
        message.request()?;
        let message = message.clone();
        let sent = self.0.ask(move |hub, _| {
            match message {
                HubMessage::Status { model_id, status } => {
                    hub.call_method1("update_status", (model_id, status.name()))
                }
                HubMessage::Metric { client, model_id, label, value, round } => {
                    hub.call_method1("send_metric", (client, model_id, label, value, round))
                }
                HubMessage::Exception { client, model_id, text } => {
                    hub.call_method1("send_exception", (client, model_id, text))
                }
            }
            .map(drop)
        });
        sent.map_err(|error| unavailable(&error))
    }
}
