//! The object store.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use cap_std::fs::Dir;
use flip_runtime::services::{ArchiveLimits, Archived, Call, ObjectMeta, ServiceError};
use pyo3::prelude::*;
use tokio::runtime::Handle;

use super::backends::ObjectStore;
use super::{Served, unavailable};

/// A `flip_wasm.ObjectStore`; or an object with the methods `put`, `put_archive`, `get` and `head`.
pub fn of(
    py: Python<'_>,
    object: Bound<'_, PyAny>,
    served: &impl Fn(Bound<'_, PyAny>) -> Served,
    tokio: &Handle,
) -> PyResult<Arc<dyn flip_runtime::services::ObjectStore>> {
    match object.cast::<ObjectStore>() {
        Ok(store) => store.get().open(py, tokio),
        Err(_) => Ok(Arc::new(PythonStore(served(object)))),
    }
}

struct PythonStore(Served);

impl PythonStore {
    fn meta(key: String, size: u64) -> ObjectMeta {
        ObjectMeta { key, size, e_tag: None }
    }
}

impl flip_runtime::services::ObjectStore for PythonStore {
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        call.check()?;
        let (meta, key) = (Self::meta(key.to_owned(), contents.len() as u64), key.to_owned());
        let put = self.0.ask(move |store, _| {
            let contents = pyo3::types::PyBytes::new(store.py(), &contents);
            store.call_method1("put", (key, contents)).map(drop)
        });
        put.map(|()| meta).map_err(|error| unavailable(&error))
    }

    fn put_archive(
        &self,
        call: &Call,
        key: &str,
        source: &Dir,
        limits: ArchiveLimits,
    ) -> Result<Archived, ServiceError> {
        call.check()?;
        let folder = path_of(source).map_err(|error| ServiceError::Unavailable(error.to_string()))?;
        let (name, key, max_bytes) = (key.to_owned(), key.to_owned(), limits.bytes);
        let put = self.0.ask(move |store, context| {
            store.call_method1("put_archive", (key, folder, max_bytes, context))?.extract::<Option<u64>>()
        });
        let size = put.map_err(|error| unavailable(&error))?.unwrap_or(0);
        Ok(Archived { meta: Self::meta(name, size), entries: Vec::new(), files: 0, bytes: 0, sha256: None })
    }

    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<Bytes, ServiceError> {
        call.check()?;
        let name = key.to_owned();
        let got = self.0.ask(move |store, _| {
            store.call_method1("get", (name, offset, len))?.extract::<Option<Vec<u8>>>()
        });
        let bytes = got.map_err(|error| unavailable(&error))?;
        let mut bytes = bytes.ok_or_else(|| ServiceError::NotFound(key.to_owned()))?;
        bytes.truncate(len as usize);
        Ok(bytes.into())
    }

    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError> {
        call.check()?;
        let name = key.to_owned();
        let size = self.0.ask(move |store, _| store.call_method1("head", (name,))?.extract::<Option<u64>>());
        let size = size.map_err(|error| unavailable(&error))?;
        size.map(|size| Self::meta(key.to_owned(), size))
            .ok_or_else(|| ServiceError::NotFound(key.to_owned()))
    }
}

/// Where an open directory lies now.
fn path_of(directory: &Dir) -> std::io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    std::fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}
