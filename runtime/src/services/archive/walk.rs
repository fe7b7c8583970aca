//! What lies in a directory that others may be changing.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, FileType};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::{ArchiveError, read_error};
use crate::paths::is_staged;
use crate::services::{Call, ServiceError};

/// What a name stands for; times are in seconds since 1970.
pub(super) enum Found {
    Directory(Dir, i64),
    /// The file and its length when it was opened.
    File(File, u64, i64),
}

/// The names in a directory, in order; `add` may refuse each, before it is kept. What is neither a file nor a
/// directory is left out, and so are files in the making.
pub(super) fn names(
    directory: &Dir,
    path: &str,
    mut add: impl FnMut(&str) -> Result<(), ServiceError>,
    left_out: &mut LeftOut<'_>,
    call: &Call,
) -> Result<Vec<String>, ArchiveError> {
    let mut names = Vec::new();
    for entry in directory.entries().map_err(read_error(path))? {
        call.check().map_err(ArchiveError::Ended)?;
        let entry = entry.map_err(read_error(path))?;
        let name = entry.file_name();
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(read_error(path)(error)),
        };
        let shown = || format!("{path}{}", name.to_string_lossy());
        if is_staged(&name.to_string_lossy()) {
            continue;
        }
        if !is_archived(kind) {
            left_out.add(&shown(), "it is neither a file nor a directory");
            continue;
        }
        let name = name.to_str().ok_or_else(|| ArchiveError::Name(shown()))?;
        add(name).map_err(ArchiveError::Ended)?;
        names.push(name.to_owned());
    }
    names.sort_unstable();
    Ok(names)
}

fn is_archived(kind: FileType) -> bool {
    kind.is_file() || kind.is_dir()
}

/// Opens what a name of `directory` stands for now: since it was listed, a link or a pipe may have taken
/// the place of a file. Neither is followed or waited for.
pub(super) fn open(
    directory: &Dir,
    name: &str,
    path: &str,
    left_out: &mut LeftOut<'_>,
) -> Result<Option<Found>, ArchiveError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(directory, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NXIO | Errno::NOENT) => {
            left_out.add(path, "it changed while it was archived");
            return Ok(None);
        }
        Err(error) => return Err(read_error(path)(error.into())),
    };
    let metadata = file.metadata().map_err(read_error(path))?;
    if metadata.is_dir() {
        Ok(Some(Found::Directory(Dir::from_std_file(file), metadata.mtime())))
    } else if metadata.is_file() {
        Ok(Some(Found::File(file, metadata.len(), metadata.mtime())))
    } else {
        left_out.add(path, "it changed while it was archived");
        Ok(None)
    }
}

/// How many names of what one archive leaves out are logged, and how many lines of all archives of a store: a component may
/// start some thousand.
const LOGGED: u64 = 20;
const LINES: u64 = 1_000;

/// What an archive does not hold.
pub(super) struct LeftOut<'a> {
    count: u64,
    /// The lines of all archives.
    lines: &'a AtomicU64,
}

impl<'a> LeftOut<'a> {
    pub(super) fn new(lines: &'a AtomicU64) -> Self {
        Self { count: 0, lines }
    }

    fn takes_a_line(&self) -> bool {
        self.lines.fetch_add(1, Ordering::Relaxed) < LINES
    }

    fn add(&mut self, path: &str, why: &str) {
        if self.count < LOGGED && self.takes_a_line() {
            tracing::warn!(path, why, "left out of the archive");
        }
        self.count = self.count.saturating_add(1);
    }

    /// Says of how many there are no names.
    pub(super) fn log(&self) {
        if self.count > LOGGED && self.takes_a_line() {
            tracing::warn!(others = self.count - LOGGED, "left out of the archive");
        }
    }
}
