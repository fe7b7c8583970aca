//! The interface `storage`, noted.

use std::sync::PoisonError;

use wasmtime::component::Resource;

use super::{Audited, Touched, end, end_read, end_told};
use crate::audit::{Function, Noting, digest_of_elements};
use crate::bindings::flip::fl::storage::{Entry, EntryKind, Host, HostDirectory, HostStagedFile};
use crate::bindings::flip::fl::types::Dtype;
use crate::host::Failure;
use crate::host::storage::{OpenDirectory, StagedFile, StorageView};
use crate::host::tensors::SharedTensor;
use crate::inspect::Digest;
use crate::services::Root;

type View<'a> = Audited<'a, StorageView<'a>>;
type Handle = Resource<OpenDirectory>;
type Staged = Resource<StagedFile>;

impl StorageView<'_> {
    /// A path, behind the name of its directory.
    fn path(&self, handle: &Handle, path: &str) -> String {
        self.table.get(handle).map_or_else(|_| path.to_owned(), |there| format!("{}/{path}", there.root))
    }

    fn staged(&self, handle: &Staged) -> Touched {
        let place = self.table.get(handle).map(StagedFile::place);
        (place.map_or_else(|_| String::new(), |(root, path)| format!("{root}/{path}")), None)
    }
}

impl View<'_> {
    /// The bytes of a tensor that was opened, and their digest where somebody reads that.
    fn read_of(
        &self,
        tensor: &Resource<SharedTensor>,
        digests: bool,
    ) -> Result<(u64, Option<Digest>), Failure> {
        let tensor = self.view.table.get(tensor)?.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = digests.then(|| digest_of_elements(&tensor, || self.view.call.check()));
        Ok((tensor.byte_len(), digest.transpose()?))
    }
}

/// An entry, as a line.
fn line(entry: &Entry) -> String {
    let kind = match entry.kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Other => "other",
    };
    format!("{kind} {} {}\n", entry.size, entry.name)
}

impl Host for View<'_> {
    fn open(&mut self, root: Root) -> Result<Handle, Failure> {
        let noting = self.begin(Function::Open, |_| (root.to_string(), None))?;
        end(noting, self.view.open(root), |_, _| {})
    }
}

impl HostDirectory for View<'_> {
    fn entries(
        &mut self,
        handle: Handle,
        path: String,
        after: Option<String>,
        count: u32,
    ) -> Result<Vec<Entry>, Failure> {
        let noting = self.begin(Function::Entries, |view| (view.path(&handle, &path), None))?;
        end_told(noting, self.view.entries(handle, path, after, count), |entries| {
            entries.iter().map(line).collect()
        })
    }

    fn stat(&mut self, handle: Handle, path: String) -> Result<Entry, Failure> {
        let noting = self.begin(Function::Stat, |view| (view.path(&handle, &path), None))?;
        end_told(noting, self.view.stat(handle, path), line)
    }

    fn read(&mut self, handle: Handle, path: String, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        let noting = self.begin(Function::Read, |view| (view.path(&handle, &path), None))?;
        let read = self.view.read(handle, path, offset, len);
        end_read(noting, read)
    }

    // What is read of the tensor afterwards is within these bytes. Their digest is that of now: the component cannot change
    // a file that has its name, others can.
    fn tensor(
        &mut self,
        handle: Handle,
        path: String,
        offset: u64,
        dtype: Dtype,
        shape: Vec<u64>,
    ) -> Result<Resource<SharedTensor>, Failure> {
        let noting = self.begin(Function::Tensor, |view| (view.path(&handle, &path), None))?;
        let opened = self.view.tensor(handle, path, offset, dtype, shape);
        let digests = noting.as_ref().is_some_and(Noting::digests);
        let read = opened.and_then(|tensor| match self.read_of(&tensor, digests) {
            Ok(read) => Ok((read, tensor)),
            Err(failure) => {
                self.view.table.delete(tensor)?;
                Err(failure)
            }
        });
        let ended = end(noting, read, |entry, (read, _)| (entry.read, entry.sha256) = *read);
        ended.map(|(_, tensor)| tensor)
    }

    fn create(&mut self, handle: Handle, path: String) -> Result<Staged, Failure> {
        let noting = self.begin(Function::Create, |view| (view.path(&handle, &path), None))?;
        end(noting, self.view.create(handle, path), |_, _| {})
    }

    fn create_dir_all(&mut self, handle: Handle, path: String) -> Result<(), Failure> {
        let noting = self.begin(Function::CreateDirAll, |view| (view.path(&handle, &path), None))?;
        end(noting, self.view.create_dir_all(handle, path), |_, ()| {})
    }

    fn rename(
        &mut self,
        handle: Handle,
        source: String,
        target: Handle,
        path: String,
    ) -> Result<(), Failure> {
        let noting = self
            .begin(Function::Rename, |view| (view.path(&handle, &source), Some(view.path(&target, &path))))?;
        end(noting, self.view.rename(handle, source, target, path), |_, ()| {})
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        HostDirectory::drop(&mut self.view, handle)
    }
}

impl HostStagedFile for View<'_> {
    fn append(&mut self, handle: Staged, contents: Vec<u8>) -> Result<(), Failure> {
        let noting = self.begin(Function::Append, |view| view.staged(&handle))?;
        let written = contents.len() as u64;
        let hashed = match (&noting, self.view.table.get(&handle)) {
            (Some(_), Ok(staged)) => Some(staged.hash_with(&contents)),
            _ => None,
        };
        let rep = handle.rep();
        let appended = self.view.append(handle, contents);
        if let (Ok(()), Some(hashed)) = (&appended, hashed) {
            self.view.table.get_mut(&Staged::new_borrow(rep))?.hashed(hashed);
        }
        end(noting, appended, |entry, ()| entry.written = written)
    }

    fn commit(&mut self, handle: Staged) -> Result<(), Failure> {
        let noting = self.begin(Function::Commit, |view| view.staged(&handle))?;
        let digest = match (&noting, self.view.table.get(&handle)) {
            (Some(_), Ok(staged)) => Some(staged.digest()),
            _ => None,
        };
        end(noting, self.view.commit(handle), |entry, ()| entry.sha256 = digest)
    }

    fn drop(&mut self, handle: Staged) -> wasmtime::Result<()> {
        // One that was committed loses nothing.
        let loses = self.view.table.get(&handle).is_ok_and(StagedFile::is_open);
        let noting = loses.then(|| self.begin(Function::Discard, |view| view.staged(&handle)));
        HostStagedFile::drop(&mut self.view, handle)?;
        let noted = noting.map_or(Ok(()), |noting| end(noting?, Ok(()), |_, ()| {}));
        // To drop has no answer.
        noted.or_else(|failure| failure.into_typed().map(drop))
    }
}
