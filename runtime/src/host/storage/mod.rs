//! The interface `storage`: files, in directories that are handles.

mod staged_file;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use cap_std::fs::{Dir, FileType, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::io::Errno;
use wasmtime::component::{HasData, Resource};

use super::call::{CallCtx, Quota, caught};
use super::grants::GrantsCtx;
use super::open_files::OpenFiles;
use super::tensors::{Meter, SharedTensor};
use super::{Failure, Table, open as open_handle};
use crate::bindings::flip::fl::storage::{Entry, EntryKind, Host, HostDirectory};
use crate::bindings::flip::fl::types::{Dtype, Error, Host as TypesHost};
use crate::paths::{ComponentPath, is_staged};
use crate::policy::Access;
use crate::services::{Directories, Root};
use crate::tensor::{FileRange, Tensor, bytes_of};
pub use staged_file::StagedFile;

/// The most entries that one call lists.
const MAX_ENTRIES: u32 = 1_024;

/// What a handle of resource `directory` stands for.
pub struct OpenDirectory {
    pub(crate) dir: Arc<Dir>,
    pub(crate) root: Root,
    access: Access,
    /// The file that was read last: it is read piece by piece.
    recent: Mutex<Option<Recent>>,
}

struct Recent {
    path: String,
    identity: Identity,
    file: Arc<std::fs::File>,
}

/// What tells a file from the one that took its place.
#[derive(PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// What a component may still write, and what it keeps open.
pub(crate) struct StorageCtx {
    pub(crate) meter: Meter,
    pub(crate) files: Quota,
    pub(crate) bytes: Quota,
    pub(crate) open: OpenFiles,
    /// The most that one call passes to the component, in bytes.
    pub(crate) window: u64,
}

pub(crate) struct HasStorage;

impl HasData for HasStorage {
    type Data<'a> = StorageView<'a>;
}

pub(crate) struct StorageView<'a> {
    pub(crate) ctx: &'a mut StorageCtx,
    pub(crate) call: &'a CallCtx,
    pub(crate) grants: &'a GrantsCtx,
    pub(crate) directories: Option<&'a dyn Directories>,
    pub(crate) table: &'a mut Table,
}

type Handle = Resource<OpenDirectory>;

impl StorageView<'_> {
    fn get(&self, handle: &Handle) -> Result<&OpenDirectory, Failure> {
        self.call.check()?;
        Ok(self.table.get(handle)?)
    }

    /// The directory, where it may be written to.
    fn writable(&self, handle: &Handle) -> Result<&OpenDirectory, Failure> {
        let directory = self.get(handle)?;
        self.grants.writing(directory.root, directory.access)?;
        Ok(directory)
    }
}

/// The path of something inside a directory.
pub(super) fn inside(path: &str) -> Result<ComponentPath, Failure> {
    ComponentPath::parse_entry(path).map_err(Failure::invalid_argument)
}

/// A path that may be the directory itself.
pub(super) fn anywhere(path: &str) -> Result<ComponentPath, Failure> {
    ComponentPath::parse(path).map_err(Failure::invalid_argument)
}

/// What the component is told of an error of the file system.
pub(super) fn io_failure(path: &ComponentPath) -> impl Fn(io::Error) -> Failure {
    use io::ErrorKind as K;
    move |error| {
        Failure::Typed(match error.kind() {
            // Whether something is there that may not be looked at is not told.
            K::NotFound | K::PermissionDenied => Error::NotFound(format!("{path}: nothing is there")),
            K::AlreadyExists
            | K::IsADirectory
            | K::NotADirectory
            | K::DirectoryNotEmpty
            | K::InvalidFilename
            | K::InvalidInput => Error::InvalidArgument(format!("{path}: {error}")),
            _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                Error::InvalidArgument(format!("{path}: {error}"))
            }
            _ => Error::Unavailable(format!("{path}: {error}")),
        })
    }
}

impl OpenDirectory {
    pub(super) fn here(&self, path: &ComponentPath) -> io::Result<Dir> {
        match path.is_root() {
            true => self.dir.try_clone(),
            false => self.dir.open_dir(path.as_str()),
        }
    }

    /// A regular file, which is one of those that are `open`, and its length.
    fn file(&self, path: &ComponentPath, open: &mut OpenFiles) -> Result<(Arc<std::fs::File>, u64), Failure> {
        let failure = io_failure(path);
        let metadata = self.dir.metadata(path.as_str()).map_err(&failure)?;
        let no_file = || Failure::invalid_argument(format!("{path}: not a regular file"));
        if !metadata.is_file() {
            return Err(no_file());
        }
        let mut recent = self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(recent) = &*recent
            && recent.path == path.as_str()
            && recent.identity == Identity::of(&metadata)
        {
            return Ok((recent.file.clone(), metadata.len()));
        }
        let mut options = OpenOptions::new();
        // Opening a pipe that has taken its place would wait for somebody to write to it.
        options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        let file = self.dir.open_with(path.as_str(), &options).map_err(&failure)?;
        let metadata = file.metadata().map_err(&failure)?;
        if !metadata.is_file() {
            return Err(no_file());
        }
        let file = Arc::new(file.into_std());
        // The one before it is closed.
        *recent = None;
        open.hold(&file)?;
        let identity = Identity::of(&metadata);
        *recent = Some(Recent { path: path.as_str().to_owned(), identity, file: file.clone() });
        Ok((file, metadata.len()))
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

fn entry(name: &str, metadata: &Metadata) -> Entry {
    let kind = kind(metadata.file_type());
    Entry { name: name.to_owned(), kind, size: if kind == EntryKind::File { metadata.len() } else { 0 } }
}

fn kind(file_type: FileType) -> EntryKind {
    match () {
        () if file_type.is_file() => EntryKind::File,
        () if file_type.is_dir() => EntryKind::Directory,
        () if file_type.is_symlink() => EntryKind::Symlink,
        () => EntryKind::Other,
    }
}

impl TypesHost for StorageView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for StorageView<'_> {
    fn open(&mut self, root: Root) -> Result<Handle, Failure> {
        self.call.check()?;
        let access = self.grants.directory(root)?;
        let nothing = || Failure::Typed(Error::NotFound(format!("the directory {root} is not there")));
        let directories = self.directories.ok_or_else(nothing)?;
        let opened = caught(|| directories.open(root)).map_err(|error| self.call.service_failure(error))?;
        let dir = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => nothing(),
            _ => Failure::Typed(Error::Unavailable(format!("the directory {root}: {error}"))),
        })?;
        let dir = Arc::new(dir);
        self.ctx.open.hold(&dir)?;
        open_handle(self.table, OpenDirectory { dir, root, access, recent: Mutex::default() })
    }
}

impl HostDirectory for StorageView<'_> {
    fn entries(
        &mut self,
        handle: Handle,
        path: String,
        after: Option<String>,
        count: u32,
    ) -> Result<Vec<Entry>, Failure> {
        let path = anywhere(&path)?;
        let failure = io_failure(&path);
        let dir = self.get(&handle)?.here(&path).map_err(&failure)?;
        let count = count.min(MAX_ENTRIES) as usize;
        // However many there are, no more than the page is kept.
        let mut page = BTreeMap::new();
        for entry in dir.entries().map_err(&failure)? {
            self.call.check()?;
            let entry = entry.map_err(&failure)?;
            // A name that is no text cannot be told to a component.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if is_staged(&name) || after.as_ref().is_some_and(|after| name <= *after) {
                continue;
            }
            page.insert(name, entry);
            if page.len() > count {
                page.pop_last();
            }
        }
        let entries = page.into_iter().filter_map(|(name, there)| {
            // What has gone in the meantime is not there.
            there.metadata().ok().map(|metadata| entry(&name, &metadata))
        });
        Ok(entries.collect())
    }

    fn stat(&mut self, handle: Handle, path: String) -> Result<Entry, Failure> {
        let path = anywhere(&path)?;
        let directory = self.get(&handle)?;
        let metadata = match path.is_root() {
            true => directory.dir.dir_metadata(),
            false => directory.dir.symlink_metadata(path.as_str()),
        };
        Ok(entry(path.split_last().1, &metadata.map_err(io_failure(&path))?))
    }

    fn read(&mut self, handle: Handle, path: String, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        let path = inside(&path)?;
        self.call.check()?;
        let (file, size) = self.table.get(&handle)?.file(&path, &mut self.ctx.open)?;
        let len = u64::from(len).min(self.ctx.window).min(size.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_failure(&path)(error)),
            }
        }
        bytes.truncate(filled);
        self.ctx.meter.count(&bytes, &[]);
        Ok(bytes)
    }

    fn tensor(
        &mut self,
        handle: Handle,
        path: String,
        offset: u64,
        dtype: Dtype,
        shape: Vec<u64>,
    ) -> Result<Resource<SharedTensor>, Failure> {
        let path = inside(&path)?;
        self.call.check()?;
        let (file, size) = self.table.get(&handle)?.file(&path, &mut self.ctx.open)?;
        let len = bytes_of(dtype, &shape)?;
        if offset.checked_add(len).is_none_or(|end| end > size) {
            let text = format!("{path}: {len} bytes from byte {offset} are not all in its {size} bytes");
            return Err(Failure::Typed(Error::InvalidData(text)));
        }
        let tensor = Tensor::from_file(dtype, &shape, FileRange::new(file, offset, len))?;
        open_handle(self.table, Arc::new(Mutex::new(tensor)))
    }

    fn create(&mut self, handle: Handle, path: String) -> Result<Resource<StagedFile>, Failure> {
        let path = inside(&path)?;
        let directory = self.writable(&handle)?;
        let (dir, root) = (directory.dir.clone(), directory.root);
        self.ctx.files.take(1)?;
        let opened = dir.clone();
        let (staged, file, parent) = StagedFile::create(dir, root, path)?;
        self.ctx.open.hold(&file)?;
        // The directory itself is open anyway.
        if !Arc::ptr_eq(&parent, &opened) {
            self.ctx.open.hold(&parent)?;
        }
        open_handle(self.table, staged)
    }

    fn create_dir_all(&mut self, handle: Handle, path: String) -> Result<(), Failure> {
        let path = inside(&path)?;
        let dir = self.writable(&handle)?.dir.clone();
        self.ctx.files.take(path.parts().count() as u64)?;
        dir.create_dir_all(path.as_str()).map_err(io_failure(&path))
    }

    fn rename(
        &mut self,
        handle: Handle,
        source: String,
        target: Handle,
        path: String,
    ) -> Result<(), Failure> {
        let (source, path) = (inside(&source)?, inside(&path)?);
        let (from, to) = (self.writable(&handle)?, self.writable(&target)?);
        self.grants.moving((from.root, &source), (to.root, &path), &self.call.context.job_id)?;
        from.dir.rename(source.as_str(), &to.dir, path.as_str()).map_err(io_failure(&source))
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}
