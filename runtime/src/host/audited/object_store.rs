//! The interface `object-store`, noted.

use wasmtime::component::Resource;

use super::{Audited, end, end_read, end_told};
use crate::audit::{Function, Noting};
use crate::bindings::flip::fl::object_store::{Host, ObjectMeta};
use crate::host::Failure;
use crate::host::object_store::ObjectStoreView;
use crate::host::storage::OpenDirectory;
use crate::inspect::Digest;

impl Host for Audited<'_, ObjectStoreView<'_>> {
    async fn put(&mut self, key: String, contents: Vec<u8>) -> Result<ObjectMeta, Failure> {
        let mut noting = self.begin(Function::Put, |_| (key.clone(), None))?;
        if let Some(entry) = noting.as_mut().and_then(Noting::entry) {
            entry.sha256 = Some(Digest::of(&contents));
        }
        let put = self.view.put(key, contents).await;
        end(noting, put, |entry, meta| entry.written = meta.size)
    }

    async fn put_archive(
        &mut self,
        key: String,
        source: Resource<OpenDirectory>,
        path: String,
    ) -> Result<ObjectMeta, Failure> {
        let noting = self.begin(Function::PutArchive, |view| {
            let from = view.table.get(&source).map(|there| format!("{}/{path}", there.root));
            (from.unwrap_or_else(|_| path.clone()), Some(key.clone()))
        })?;
        let put = self.view.put_archive(key, source, path).await;
        let digest = self.view.ctx.archived;
        end(noting, put, |entry, meta| (entry.written, entry.sha256) = (meta.size, digest))
    }

    async fn get(&mut self, key: String, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        let noting = self.begin(Function::Get, |_| (key.clone(), None))?;
        let got = self.view.get(key, offset, len).await;
        end_read(noting, got)
    }

    async fn head(&mut self, key: String) -> Result<ObjectMeta, Failure> {
        let noting = self.begin(Function::Head, |_| (key.clone(), None))?;
        end_told(noting, self.view.head(key).await, |meta| {
            format!("{} {} {}\n", meta.size, meta.e_tag.as_deref().unwrap_or_default(), meta.key)
        })
    }
}
