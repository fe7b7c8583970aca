//! The interface `object-store`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::component::{HasData, Resource};

use super::call::{CallCtx, Quota};
use super::grants::GrantsCtx;
use super::storage::{OpenDirectory, anywhere, io_failure};
use super::{Failure, Table};
use crate::bindings::flip::fl::object_store::{Host, ObjectMeta};
use crate::bindings::flip::fl::types::{Error, Host as TypesHost};
use crate::budget::{Budget, Remembered};
use crate::inspect::Digest;
use crate::policy::ObjectVerb;
use crate::services::{
    self, ArchiveAccount, ArchiveEntry, ArchiveLimits, Call, MostArchived, ObjectStore, ServiceError,
};
use crate::usage::Besides;

/// What a component may still ask of the store and upload, and what it has stored.
pub(crate) struct ObjectStoreCtx {
    pub(crate) bytes: Quota,
    pub(crate) objects: Quota,
    pub(crate) calls: Quota,
    /// The entries that an archive may have, and the directories inside each other.
    pub(crate) archive_entries: u64,
    pub(crate) archive_depth: u64,
    /// Of all archives the most of each.
    pub(crate) most_archived: Arc<MostArchived>,
    /// The most that one call passes to the component, in bytes.
    pub(crate) window: u64,
    pub(crate) stored: Vec<Stored>,
    pub(crate) remembered: Remembered,
    /// What was stored after so much that it is not remembered.
    pub(crate) besides: Besides,
    /// The digest of the last archive.
    pub(crate) archived: Option<Digest>,
}

/// The most objects that are remembered for the report.
const MAX_STORED: usize = 1_000;

/// The most bytes that are remembered of them: their keys, and the paths in archives.
const MAX_REMEMBERED: u64 = 8 << 20;

/// An object that a component stored.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Stored {
    /// Its key under the operator's prefix.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Of an archive: the files in it.
    pub files: Option<u64>,
    /// Of an archive: their bytes before compression.
    pub bytes: Option<u64>,
    /// Of an archive: its digest.
    pub sha256: Option<Digest>,
    /// Of an archive: the first of its entries.
    #[serde(skip)]
    pub entries: Arc<[ArchiveEntry]>,
}

pub(crate) struct HasObjectStore;

impl HasData for HasObjectStore {
    type Data<'a> = ObjectStoreView<'a>;
}

pub(crate) struct ObjectStoreView<'a> {
    pub(crate) ctx: &'a mut ObjectStoreCtx,
    pub(crate) call: &'a CallCtx,
    pub(crate) budget: &'a Budget,
    pub(crate) grants: &'a GrantsCtx,
    pub(crate) store: Option<&'a Arc<dyn ObjectStore>>,
    pub(crate) table: &'a mut Table,
}

impl ObjectStoreView<'_> {
    fn may(&self, verb: ObjectVerb, key: &str) -> Result<Arc<dyn ObjectStore>, Failure> {
        self.call.check()?;
        self.grants.object_store(verb, key, &self.call.context.job_id)?;
        Ok(self.store.ok_or_else(|| Failure::unavailable("this host has no object store"))?.clone())
    }

    async fn ask<T: Send + 'static>(
        &mut self,
        undoes: bool,
        work: impl FnOnce(&Call) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, Failure> {
        // To open the directory of an archive may have taken long.
        self.call.check()?;
        self.ctx.calls.take(1)?;
        self.call.serve(undoes, work).await.map_err(|error| self.call.service_failure(error))
    }

    fn remember(&mut self, mut stored: Stored) {
        // The report has a copy.
        let own = 2 * (size_of::<Stored>() + stored.key.len());
        let remembered = &mut self.ctx.remembered;
        if self.ctx.stored.len() >= MAX_STORED || !remembered.takes(own, MAX_REMEMBERED) {
            self.ctx.besides.add(0, stored.size);
            return;
        }
        let entries = stored.entries.iter().map(|entry| size_of::<ArchiveEntry>() + entry.name.len());
        if !remembered.takes(entries.sum(), MAX_REMEMBERED) {
            stored.entries = Arc::default();
        }
        self.ctx.stored.push(stored);
    }
}

impl From<services::ObjectMeta> for ObjectMeta {
    fn from(meta: services::ObjectMeta) -> Self {
        Self { key: meta.key, size: meta.size, e_tag: meta.e_tag }
    }
}

impl TypesHost for ObjectStoreView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for ObjectStoreView<'_> {
    async fn put(&mut self, key: String, contents: Vec<u8>) -> Result<ObjectMeta, Failure> {
        let store = self.may(ObjectVerb::Put, &key)?;
        self.call.production()?;
        self.ctx.objects.take(1)?;
        self.ctx.bytes.take(contents.len() as u64)?;
        let meta = self.ask(true, move |call| store.put(call, &key, contents)).await?;
        self.remember(Stored {
            key: meta.key.clone(),
            size: meta.size,
            files: None,
            bytes: None,
            sha256: None,
            entries: Arc::default(),
        });
        Ok(meta.into())
    }

    async fn put_archive(
        &mut self,
        key: String,
        source: Resource<OpenDirectory>,
        path: String,
    ) -> Result<ObjectMeta, Failure> {
        let path = anywhere(&path)?;
        let store = self.may(ObjectVerb::PutArchive, &key)?;
        self.call.production()?;
        let source = self.table.get(&source)?.here(&path).map_err(io_failure(&path))?;
        self.ctx.objects.take(1)?;
        let (max_bytes, sent) = (self.ctx.bytes.left(), Arc::<AtomicU64>::default());
        let limits = ArchiveLimits {
            bytes: max_bytes,
            entries: self.ctx.archive_entries,
            depth: self.ctx.archive_depth,
            account: ArchiveAccount::of(self.budget, &self.ctx.most_archived),
        };
        let count = sent.clone();
        let archived =
            self.ask(true, move |call| store.put_archive(&call.counting(count), &key, &source, limits)).await;
        // What was sent counts, whether it arrived or not.
        let size = archived.as_ref().map_or(0, |archived| archived.meta.size);
        self.ctx.bytes.take(sent.load(Ordering::Relaxed).max(size).min(max_bytes))?;
        let archived = archived?;
        let meta = archived.meta;
        self.ctx.archived = archived.sha256;
        self.remember(Stored {
            key: meta.key.clone(),
            size: meta.size,
            files: Some(archived.files),
            bytes: Some(archived.bytes),
            sha256: archived.sha256,
            entries: archived.entries.into(),
        });
        Ok(meta.into())
    }

    async fn get(&mut self, key: String, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        let store = self.may(ObjectVerb::Get, &key)?;
        let len = u64::from(len).min(self.ctx.window) as u32;
        Ok(self.ask(false, move |call| store.get(call, &key, offset, len)).await?.into())
    }

    async fn head(&mut self, key: String) -> Result<ObjectMeta, Failure> {
        let store = self.may(ObjectVerb::Head, &key)?;
        Ok(self.ask(false, move |call| store.head(call, &key)).await?.into())
    }
}
