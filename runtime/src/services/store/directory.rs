//! A directory as a store. `object_store` has one of its own, which follows links out of it.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use rustix::fs::OFlags;

use super::local::{LocalUpload, STORE, generic, is_in_the_way};
use crate::tree::parent_of;

/// The objects of a directory: the files below it. No link in it is followed, wherever that leads: an
/// object's key is where it lies, and what a policy grants goes by keys.
///
/// It does what [`Store`](super::Store) asks for: objects are read, looked at, and stored in parts.
#[derive(Debug)]
pub(super) struct Directory {
    root: Arc<Dir>,
}

impl Directory {
    /// The directory at this path. It is the operator's, and may be a link itself.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { root: Arc::new(Dir::open_ambient_dir(path, ambient_authority())?) })
    }

    fn not_done(&self, operation: &str) -> Error {
        Error::NotImplemented { operation: operation.to_owned(), implementer: self.to_string() }
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a directory")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Directory {
    async fn put_opts(&self, _: &Key, _: PutPayload, _: PutOptions) -> object_store::Result<PutResult> {
        Err(self.not_done("put"))
    }

    async fn put_multipart_opts(
        &self,
        location: &Key,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(LocalUpload::begin(&self.root, location)?))
    }

    async fn get_opts(&self, location: &Key, options: GetOptions) -> object_store::Result<GetResult> {
        let (root, location) = (Arc::clone(&self.root), location.clone());
        tokio::task::spawn_blocking(move || {
            let (file, meta) = object(&root, &location).map_err(|error| unread(&location, error))?;
            options.check_preconditions(&meta)?;
            let range = match &options.range {
                None => 0..meta.size,
                Some(range) => range
                    .as_range(meta.size)
                    .map_err(|error| Error::Generic { store: STORE, source: error.into() })?,
            };
            Ok(GetResult {
                payload: GetResultPayload::File(file, location.as_ref().into()),
                meta,
                range,
                attributes: Default::default(),
                extensions: Default::default(),
            })
        })
        .await?
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, object_store::Result<Key>>,
    ) -> BoxStream<'static, object_store::Result<Key>> {
        let error = self.not_done("delete");
        stream::once(async { Err(error) }).boxed()
    }

    fn list(&self, _: Option<&Key>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let error = self.not_done("list");
        stream::once(async { Err(error) }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Key>) -> object_store::Result<ListResult> {
        Err(self.not_done("list"))
    }

    async fn copy_opts(&self, _: &Key, _: &Key, _: CopyOptions) -> object_store::Result<()> {
        Err(self.not_done("copy"))
    }
}

/// The file of an object, and what is known of it. What is no regular file is no object.
fn object(root: &Dir, key: &Key) -> io::Result<(File, ObjectMeta)> {
    let (parent, name) = parent_of(root, key.as_ref())?;
    if !parent.symlink_metadata(name)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut options = OpenOptions::new();
    // What has taken its place meanwhile may be a link, or a pipe: opening that would wait for a writer.
    options.read(true).follow(FollowSymlinks::No);
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = parent.open_with(name, &options)?.into_std();
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (modified, size) = (metadata.modified()?, metadata.len());
    let micros = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
    let meta = ObjectMeta {
        location: key.clone(),
        last_modified: modified.into(),
        size,
        e_tag: Some(format!("\"{:x}-{micros:x}-{size:x}\"", metadata.ino())),
        version: None,
    };
    Ok((file, meta))
}

/// Whether something lies behind a link is not told, nor what is in the way.
fn unread(key: &Key, error: io::Error) -> Error {
    match error.kind() == io::ErrorKind::NotFound || is_in_the_way(&error) {
        true => Error::NotFound { path: key.to_string(), source: error.into() },
        false => generic(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use object_store::ObjectStoreExt;

    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn it_does_no_more_than_is_asked_of_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "x").unwrap();
        let store = Directory::open(folder.path()).unwrap();
        let (a, b) = (Key::from("a"), Key::from("b"));
        let refused = |error| assert!(matches!(error, Error::NotImplemented { .. }), "{error}");
        run(async {
            refused(store.put(&a, "y".into()).await.unwrap_err());
            refused(store.delete(&a).await.unwrap_err());
            refused(store.copy(&a, &b).await.unwrap_err());
            refused(store.list_with_delimiter(None).await.unwrap_err());
            refused(store.list(None).next().await.unwrap().unwrap_err());
            assert_eq!(store.get(&a).await.unwrap().bytes().await.unwrap(), "x");
        });
    }

    #[test]
    fn what_appears_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Directory::open(folder.path()).unwrap();
        run(async {
            let mut upload = store.put_multipart(&Key::from("own/a")).await.unwrap();
            upload.put_part("mine".into()).await.unwrap();
            std::fs::write(folder.path().join("own/a"), "theirs").unwrap();
            let error = upload.complete().await.unwrap_err();
            assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
            upload.abort().await.unwrap();
        });
        assert_eq!(std::fs::read(folder.path().join("own/a")).unwrap(), b"theirs");
        assert_eq!(std::fs::read_dir(folder.path().join("own")).unwrap().count(), 1);
    }

    #[test]
    fn a_link_that_takes_the_place_of_a_directory_keeps_an_upload_where_it_began() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Directory::open(folder.path()).unwrap();
        run(async {
            let mut upload = store.put_multipart(&Key::from("own/a")).await.unwrap();
            upload.put_part("x".into()).await.unwrap();
            std::fs::rename(folder.path().join("own"), folder.path().join("moved")).unwrap();
            symlink(outside.path(), folder.path().join("own")).unwrap();
            upload.complete().await.unwrap_err();
            upload.abort().await.unwrap();
        });
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(folder.path().join("own").is_symlink(), "nothing of somebody else's is removed");
    }
}
