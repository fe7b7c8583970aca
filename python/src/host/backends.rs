//! The runtime's own backends, as Python names them.

use std::collections::BTreeMap;
use std::sync::Arc;

use flip_runtime::services::{self, HttpHubOptions, Secret, Store, StoreOptions};
use pyo3::prelude::*;
use tokio::runtime::Handle;

use crate::error::OrRaise;

/// The Central Hub over HTTP.
#[pyclass(frozen, module = "flip_wasm")]
pub struct HttpHub {
    url: String,
    key: Secret,
    key_header: Option<String>,
}

impl HttpHub {
    pub fn open(&self, py: Python<'_>, tokio: &Handle) -> PyResult<Arc<dyn services::Hub>> {
        let mut options = HttpHubOptions::default();
        if let Some(header) = &self.key_header {
            options.key_header.clone_from(header);
        }
        let hub = services::HttpHub::new(&self.url, self.key.clone(), &options, tokio.clone());
        Ok(Arc::new(hub.map_err(flip_runtime::Error::from).or_raise(py)?))
    }
}

#[pymethods]
impl HttpHub {
    /// The hub at this address, asked with this key in the header of this name
    /// (`X-Internal-Service-Key`).
    #[new]
    #[pyo3(signature = (url, *, key = String::new(), key_header = None))]
    fn new(url: String, key: String, key_header: Option<String>) -> Self {
        Self { url, key: key.into(), key_header }
    }

    fn __repr__(&self) -> &'static str {
        "<flip_wasm.HttpHub>"
    }
}

/// An object store: `s3://bucket/prefix`, `file:///folder` or `memory://`.
#[pyclass(frozen, module = "flip_wasm")]
pub struct ObjectStore {
    url: String,
    options: BTreeMap<String, String>,
}

impl ObjectStore {
    pub fn open(&self, py: Python<'_>, tokio: &Handle) -> PyResult<Arc<dyn services::ObjectStore>> {
        let store = Store::open(&self.url, self.options.clone(), StoreOptions::default(), tokio.clone());
        Ok(Arc::new(store.map_err(flip_runtime::Error::from).or_raise(py)?))
    }
}

#[pymethods]
impl ObjectStore {
    /// The store at this address. `options` are the `AWS_*` variables that S3 is reached with; those of the
    /// process by default.
    #[new]
    #[pyo3(signature = (url, *, options = None))]
    fn new(url: String, options: Option<BTreeMap<String, String>>) -> Self {
        let variables = || {
            let variables = std::env::vars_os();
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        };
        Self { url, options: options.unwrap_or_else(|| variables().collect()) }
    }

    fn __repr__(&self) -> &'static str {
        "<flip_wasm.ObjectStore>"
    }
}
