//! A store that stores.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::{Bytes, BytesMut};
use cap_std::fs::Dir;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore as Service, ObjectStoreExt};
use tokio::runtime::Handle;

use super::hashed::Hashed;
use super::upload::Upload;
use super::{Archived, ObjectMeta, ObjectStore, StoreOptions, error, key};
use crate::services::{ArchiveLimits, Call, Secret, ServiceError, archive};

/// S3, a directory, or memory: [`Store::open`] opens one.
pub struct Store {
    pub(super) service: Arc<dyn Service>,
    prefix: Path,
    /// Whether every object goes in parts, however small it is: into a directory.
    pub(super) always_parts: bool,
    secrets: Vec<Secret>,
    pub(super) options: StoreOptions,
    pub(super) handle: Handle,
    /// The lines of the log that say what archives do not hold.
    left_out: AtomicU64,
}

impl Store {
    pub(super) fn new(
        service: Arc<dyn Service>,
        prefix: Path,
        always_parts: bool,
        secrets: Vec<Secret>,
        options: StoreOptions,
        handle: Handle,
    ) -> Self {
        Self { service, prefix, always_parts, secrets, options, handle, left_out: AtomicU64::default() }
    }

    pub(super) fn failed(&self, function: &str, key: &str, error: &Error) -> ServiceError {
        error::translate(function, key, error, &self.secrets)
    }

    /// Asks the service while the call may go on.
    fn ask<T>(
        &self,
        call: &Call,
        function: &str,
        key: &str,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, ServiceError> {
        self.handle.block_on(call.run(request))?.map_err(|error| self.failed(function, key, &error))
    }

    /// Fails where the key exists. Some servers ignore the condition of a request that creates.
    pub(super) fn vacant(
        &self,
        call: &Call,
        function: &str,
        key: &str,
        path: &Path,
    ) -> Result<(), ServiceError> {
        match self.handle.block_on(call.run(self.service.head(path)))? {
            Ok(_) => Err(error::exists(&key::shown(key))),
            Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(function, key, &error)),
        }
    }

    /// Uploads what `fill` writes, or leaves nothing behind.
    fn upload<T>(
        &self,
        call: &Call,
        function: &'static str,
        key: &str,
        max_bytes: u64,
        fill: impl FnOnce(&mut Upload<'_>) -> Result<T, ServiceError>,
    ) -> Result<(ObjectMeta, T), ServiceError> {
        let path = key::below(&self.prefix, key)?;
        self.vacant(call, function, key, &path)?;
        let mut upload = Upload::new(self, call, function, key, path, max_bytes);
        let result = fill(&mut upload).and_then(|filled| Ok((upload.commit()?, filled)));
        if result.is_err() {
            upload.abort();
        }
        result
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("service", &self.service.to_string())
            .field("prefix", &self.prefix.as_ref())
            .finish_non_exhaustive()
    }
}

impl ObjectStore for Store {
    fn put(&self, call: &Call, key: &str, contents: Vec<u8>) -> Result<ObjectMeta, ServiceError> {
        let (meta, ()) = self.upload(call, "put", key, u64::MAX, |upload| {
            upload.whole(contents);
            Ok(())
        })?;
        Ok(meta)
    }

    fn put_archive(
        &self,
        call: &Call,
        key: &str,
        source: &Dir,
        mut limits: ArchiveLimits,
    ) -> Result<Archived, ServiceError> {
        let threads = archive::threads();
        // The memory is given back with the limits, after all of the upload.
        let (meta, (contents, sha256)) = self.upload(call, "put-archive", key, limits.bytes, |upload| {
            limits.account.take(self.options.upload_memory().saturating_add(archive::memory(threads)))?;
            let mut upload = Hashed::new(upload);
            let contents = archive::write(
                &mut upload,
                source,
                &mut limits,
                self.options.deflate_level,
                threads,
                &self.left_out,
                call,
            )?;
            Ok((contents, upload.digest()))
        })?;
        Ok(Archived {
            meta,
            entries: contents.entries,
            files: contents.files,
            bytes: contents.bytes,
            sha256: Some(sha256),
        })
    }

    fn get(&self, call: &Call, key: &str, offset: u64, len: u32) -> Result<Bytes, ServiceError> {
        let path = key::below(&self.prefix, key)?;
        let end = offset.saturating_add(u64::from(len));
        self.ask(call, "get", key, async {
            if len == 0 {
                return self.service.head(&path).await.map(|_| Bytes::new());
            }
            let range = Some(GetRange::Bounded(offset..end));
            match self.service.get_opts(&path, GetOptions { range, ..GetOptions::default() }).await {
                Ok(found) => {
                    // No more than was asked for, whatever the server sends.
                    let mut bytes = BytesMut::new();
                    let mut stream = pin!(found.into_stream());
                    while let Some(chunk) = stream.next().await {
                        let left = (len as usize).saturating_sub(bytes.len());
                        let mut chunk = chunk?;
                        chunk.truncate(left);
                        if chunk.is_empty() {
                            break;
                        }
                        bytes.extend_from_slice(&chunk);
                    }
                    Ok(bytes.freeze())
                }
                Err(error @ Error::NotFound { .. }) => Err(error),
                // A range beyond the end is an error in each store's own words.
                Err(error) => match self.service.head(&path).await {
                    Ok(meta) if offset >= meta.size => Ok(Bytes::new()),
                    _ => Err(error),
                },
            }
        })
    }

    fn head(&self, call: &Call, key: &str) -> Result<ObjectMeta, ServiceError> {
        let path = key::below(&self.prefix, key)?;
        let found = self.ask(call, "head", key, self.service.head(&path))?;
        Ok(ObjectMeta { key: key.to_owned(), size: found.size, e_tag: found.e_tag })
    }
}
