//! Objects in a directory: written beside their place, and moved there in one step.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::path::Path as Key;
use object_store::{Error, MultipartUpload, PutPayload, PutResult, UploadPart};
use tempfile::NamedTempFile;

/// A file on its way. `object_store` has one of its own, that stays where its last step fails, and that
/// overwrites.
#[derive(Debug)]
pub(super) struct LocalUpload {
    /// None once it is completed or aborted.
    file: Arc<Mutex<Option<NamedTempFile>>>,
    root: PathBuf,
    target: PathBuf,
    offset: u64,
    /// The directories that were missing, the innermost first.
    made: Vec<PathBuf>,
}

impl LocalUpload {
    pub(super) fn begin(root: &Path, key: &Key) -> object_store::Result<Self> {
        let target = root.join(key.as_ref());
        let missing = parents(root, &target).take_while(|parent| !parent.exists());
        let made = missing.map(Path::to_path_buf).collect();
        let upload = Self { file: Arc::default(), root: root.to_path_buf(), target, offset: 0, made };
        match upload.create() {
            Ok(file) => *upload.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file),
            Err(error) => {
                upload.remove_made();
                return Err(generic(error));
            }
        }
        Ok(upload)
    }

    fn create(&self) -> io::Result<NamedTempFile> {
        let parent = self.target.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent)?;
        // As any file of the process: the umask is taken off.
        tempfile::Builder::new()
            .prefix(".upload-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(parent)
    }

    /// Removes the directories that this upload made, as far as they are empty.
    fn remove_made(&self) {
        for directory in &self.made {
            let _ = fs::remove_dir(directory);
        }
    }

    /// Does blocking work with the file where tokio wants it.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Option<NamedTempFile>) -> object_store::Result<T> + Send + 'static,
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
        Box::pin(self.work(move |file| {
            let file = file.as_ref().ok_or_else(ended)?.as_file();
            for bytes in data {
                file.write_all_at(&bytes, offset).map_err(generic)?;
                offset = offset.saturating_add(bytes.len() as u64);
            }
            Ok(())
        }))
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let (root, target) = (self.root.clone(), self.target.clone());
        self.work(move |file| {
            let file = file.take().ok_or_else(ended)?;
            // What others delete after it was stored must be on the disk by then.
            file.as_file().sync_all().map_err(generic)?;
            file.persist_noclobber(&target).map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => {
                    Error::AlreadyExists { path: target.display().to_string(), source: error.error.into() }
                }
                _ => generic(error.error),
            })?;
            for parent in parents(&root, &target).chain([root.as_path()]) {
                File::open(parent).and_then(|parent| parent.sync_all()).map_err(generic)?;
            }
            Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
        })
        .await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.work(|file| file.take().map_or(Ok(()), NamedTempFile::close).map_err(generic)).await?;
        self.remove_made();
        Ok(())
    }
}

/// The directories between `root` and what lies below it, the innermost first.
fn parents<'a>(root: &'a Path, target: &'a Path) -> impl Iterator<Item = &'a Path> {
    target.ancestors().skip(1).take_while(move |parent| *parent != root)
}

fn generic(error: io::Error) -> Error {
    Error::Generic { store: "directory", source: error.into() }
}

fn ended() -> Error {
    generic(io::Error::other("the upload was ended"))
}
