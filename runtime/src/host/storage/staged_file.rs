//! Files in the making: they get their name when they are whole.

use std::io::Write;
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions};
use sha2::{Digest as _, Sha256};
use wasmtime::component::Resource;

use super::{StorageView, io_failure};
use crate::bindings::flip::fl::storage::HostStagedFile;
use crate::host::Failure;
use crate::inspect::Digest;
use crate::paths::{ComponentPath, unused_name};
use crate::services::Root;

/// What a handle of resource `staged-file` stands for.
pub struct StagedFile {
    dir: Arc<Dir>,
    /// The directory that it is in, wherever that is moved to; while it has no name yet.
    parent: Option<Arc<Dir>>,
    root: Root,
    /// Its name there, until it has its own.
    temporary: String,
    path: ComponentPath,
    file: Option<Arc<cap_std::fs::File>>,
    /// Of what was written, where somebody asks for its digest.
    written: Sha256,
}

impl StagedFile {
    /// One without its name yet, beside where it will have it.
    pub(super) fn create(
        dir: Arc<Dir>,
        root: Root,
        path: ComponentPath,
    ) -> Result<(Self, Arc<cap_std::fs::File>, Arc<Dir>), Failure> {
        let temporary = format!("{}.tmp", unused_name());
        let staged = || {
            let (parent, _) = path.split_last();
            let parent = if parent.is_empty() { dir.clone() } else { Arc::new(dir.open_dir(parent)?) };
            let file = parent.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
            Ok((parent, Arc::new(file)))
        };
        let (parent, file) = staged().map_err(io_failure(&path))?;
        let (kept, inside) = (Some(file.clone()), Some(parent.clone()));
        let staged = Self { dir, parent: inside, root, temporary, path, file: kept, written: Sha256::new() };
        Ok((staged, file, parent))
    }

    /// The directory that it is in, and its path there.
    pub(in crate::host) fn place(&self) -> (Root, &str) {
        (self.root, self.path.as_str())
    }

    /// What its digest is made of once this is written as well.
    pub(in crate::host) fn hash_with(&self, contents: &[u8]) -> Sha256 {
        self.written.clone().chain_update(contents)
    }

    /// That was written.
    pub(in crate::host) fn hashed(&mut self, written: Sha256) {
        self.written = written;
    }

    /// The digest of all that was counted into it.
    pub(in crate::host) fn digest(&self) -> Digest {
        Digest::from(<[u8; 32]>::from(self.written.clone().finalize()))
    }

    /// Whether it can be committed still.
    pub(in crate::host) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// The file is not to get its name.
    fn discard(&mut self) {
        if self.file.is_some()
            && let Some(parent) = &self.parent
            && let Err(error) = parent.remove_file(&self.temporary)
        {
            tracing::warn!("{}: {error}", self.temporary);
        }
        self.close();
    }

    /// Nothing more comes of it. What its handle keeps from now on is no more than a handle is charged.
    fn close(&mut self) {
        (self.file, self.parent) = (None, None);
        self.temporary = String::new();
        self.path = self.path.shortened();
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        self.discard();
    }
}

impl HostStagedFile for StorageView<'_> {
    fn append(&mut self, handle: Resource<StagedFile>, contents: Vec<u8>) -> Result<(), Failure> {
        self.call.check()?;
        let staged = self.table.get_mut(&handle)?;
        let Some(file) = &staged.file else { return Err(committed(&staged.path)) };
        self.ctx.bytes.take(contents.len() as u64)?;
        if let Err(error) = (&**file).write_all(&contents) {
            let failure = io_failure(&staged.path)(error);
            // Half of it may be there: what is not whole is not to get the name.
            staged.discard();
            return Err(failure);
        }
        self.ctx.meter.count(&[], &contents);
        Ok(())
    }

    fn commit(&mut self, handle: Resource<StagedFile>) -> Result<(), Failure> {
        self.call.check()?;
        let staged = self.table.get_mut(&handle)?;
        let (Some(file), Some(parent)) = (&staged.file, &staged.parent) else {
            return Err(committed(&staged.path));
        };
        // Without this a crash of the machine could leave the name without the contents.
        let synced = file.sync_all();
        let named = synced.and_then(|()| parent.rename(&staged.temporary, &staged.dir, staged.path.as_str()));
        named.map_err(io_failure(&staged.path))?;
        staged.close();
        Ok(())
    }

    fn drop(&mut self, handle: Resource<StagedFile>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

fn committed(path: &ComponentPath) -> Failure {
    Failure::invalid_argument(format!("{path}: the file is committed already, or was given up"))
}
