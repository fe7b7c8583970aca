//! Objects in a directory: written beside their place, and moved there in one step.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, OpenOptions};
use object_store::path::Path as Key;
use object_store::{Error, MultipartUpload, PutPayload, PutResult, UploadPart};
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::InTheWay;
use crate::paths::unused_name;
use crate::tree::parent_of;

/// What errors call the store.
pub(super) const STORE: &str = "directory";

/// A file on its way. `object_store` has one of its own, that stays where its last step fails, that
/// overwrites, and that links lead out of the directory.
#[derive(Debug)]
pub(super) struct LocalUpload {
    /// None once it is completed or aborted.
    file: Arc<Mutex<Option<Staged>>>,
    root: Arc<Dir>,
    key: Key,
    offset: u64,
    /// The directories that were missing, the outermost first. They are paths: a key can be so deep that
    /// not all of them could be open.
    made: Vec<String>,
}

/// A file without its name yet, in the directory that it is for. It goes where it is dropped.
#[derive(Debug)]
struct Staged {
    parent: Dir,
    temporary: String,
    file: File,
}

impl Staged {
    fn create(parent: Dir) -> io::Result<Self> {
        let temporary = format!("{}.upload", unused_name());
        // As any file of the process: the umask is taken off.
        let file = parent.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
        Ok(Self { file: file.into_std(), parent, temporary })
    }

    /// Gives it its name, unless something has it. Neither of the two is followed where it is a link.
    fn persist(&self, name: &str) -> io::Result<()> {
        let Self { parent, temporary, .. } = self;
        match renameat_with(parent, temporary, parent, name, RenameFlags::NOREPLACE) {
            // A file system that cannot do this in one step: the temporary name goes when this is dropped.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => parent.hard_link(temporary, parent, name),
            result => Ok(result?),
        }
    }

    fn discard(self) -> io::Result<()> {
        self.parent.remove_file(&self.temporary)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // It may have its name by now, or be gone.
        let _ = self.parent.remove_file(&self.temporary);
    }
}

impl LocalUpload {
    pub(super) fn begin(root: &Arc<Dir>, key: &Key) -> object_store::Result<Self> {
        let mut made = Vec::new();
        let staged = parent_made(root, key.as_ref(), &mut made).and_then(Staged::create);
        let upload = Self { file: Arc::default(), root: Arc::clone(root), key: key.clone(), offset: 0, made };
        match staged {
            Ok(staged) => *upload.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(staged),
            Err(error) => {
                upload.remove_made();
                return Err(unmade(error));
            }
        }
        Ok(upload)
    }

    /// Removes the directories that this upload made, as far as they are empty.
    fn remove_made(&self) {
        for directory in self.made.iter().rev() {
            let _ = parent_of(&self.root, directory).and_then(|(parent, name)| parent.remove_dir(name));
        }
    }

    /// Does blocking work with the file where tokio wants it.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Option<Staged>) -> object_store::Result<T> + Send + 'static,
    ) -> impl Future<Output = object_store::Result<T>> + Send + 'static {
        let file = Arc::clone(&self.file);
        async move {
            tokio::task::spawn_blocking(move || {
                work(&mut file.lock().unwrap_or_else(PoisonError::into_inner))
            })
            .await?
        }
    }
}

#[async_trait::async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let mut offset = self.offset;
        self.offset = offset.saturating_add(data.content_length() as u64);
        Box::pin(self.work(move |staged| {
            let file = &staged.as_ref().ok_or_else(ended)?.file;
            for bytes in data {
                file.write_all_at(&bytes, offset).map_err(generic)?;
                offset = offset.saturating_add(bytes.len() as u64);
            }
            Ok(())
        }))
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let (root, key) = (Arc::clone(&self.root), self.key.clone());
        self.work(move |staged| {
            let staged = staged.take().ok_or_else(ended)?;
            // What others delete after it was stored must be on the disk by then.
            staged.file.sync_all().map_err(generic)?;
            staged.persist(key.filename().unwrap_or_default()).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Error::AlreadyExists { path: key.to_string(), source: error.into() }
                }
                _ => generic(error),
            })?;
            sync_parents(&root, key.as_ref()).map_err(generic)?;
            Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
        })
        .await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.work(|staged| staged.take().map_or(Ok(()), Staged::discard).map_err(generic)).await?;
        self.remove_made();
        Ok(())
    }
}

/// Opens the directory that an object of this key lies in, and makes what is missing of it. A link would lead
/// to what the key does not say, or out of the root: none is followed.
fn parent_made(root: &Dir, key: &str, made: &mut Vec<String>) -> io::Result<Dir> {
    let mut parent = root.try_clone()?;
    for (end, _) in key.match_indices('/') {
        let path = key.get(..end).unwrap_or_default();
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        parent = match parent.open_dir_nofollow(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match parent.create_dir(name) {
                    Ok(()) => made.push(path.to_owned()),
                    // Somebody else has made it meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
                parent.open_dir_nofollow(name)?
            }
            opened => opened?,
        };
    }
    Ok(parent)
}

/// Brings the names of the directories that a key goes through to the disk, and its own.
fn sync_parents(root: &Dir, key: &str) -> io::Result<()> {
    // What stands for a directory here cannot be synchronised: it is only good for going on from.
    let sync = |directory: &Dir| directory.open(".")?.sync_all();
    let (parents, _) = key.rsplit_once('/').unwrap_or_default();
    let mut parent = root.try_clone()?;
    sync(&parent)?;
    for name in parents.split('/').filter(|name| !name.is_empty()) {
        parent = parent.open_dir_nofollow(name)?;
        sync(&parent)?;
    }
    Ok(())
}

/// Whether this is what is said of a path that goes through a link, or through a file.
pub(super) fn is_in_the_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotADirectory || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

fn unmade(error: io::Error) -> Error {
    match is_in_the_way(&error) {
        true => Error::Generic { store: STORE, source: InTheWay.into() },
        false => generic(error),
    }
}

pub(super) fn generic(error: io::Error) -> Error {
    Error::Generic { store: STORE, source: error.into() }
}

fn ended() -> Error {
    generic(io::Error::other("the upload was ended"))
}
