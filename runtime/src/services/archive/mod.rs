//! A directory as a zip archive, written in one pass and constant memory.
//!
//! Entries come in the order of their names, a directory before what it holds. Links and special files
//! are left out. What does not compress is stored: that is what most of a model's weights are.

mod entry;
mod sink;
mod walk;

use std::fs::File;
use std::io::{self, Write};

use cap_std::fs::Dir;
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::StreamWriter;

use crate::services::{Call, ServiceError};
use sink::Fused;
use walk::Found;

/// What an archive may hold.
#[derive(Clone, Debug)]
pub struct ArchiveLimits {
    /// Files and directories together: 65 535. Some hundred bytes are held for each until the end.
    pub entries: usize,
    /// Directories inside each other: 64. One descriptor is held open for each.
    pub depth: usize,
    /// The entries that are reported, the first of them: 1000.
    pub reported: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { entries: 65_535, depth: 64, reported: 1000 }
    }
}

/// One entry of an archive; a directory's name ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// Its path in the archive.
    pub name: String,
    /// In bytes, before compression; 0 for a directory.
    pub size: u64,
}

/// What came of an archive.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) entries: Vec<ArchiveEntry>,
    pub(super) files: u64,
    /// Before compression.
    pub(super) bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("{0:?} is not UTF-8, as a name in an archive must be")]
    Name(String),
    #[error("archive-depth reached: {allowed} allowed, and {path:?} lies deeper")]
    Depth { allowed: usize, path: String },
    #[error("archive-entries reached: {allowed} allowed")]
    Entries { allowed: usize },
    #[error("{path:?} cannot be read: {source}")]
    Read { path: String, source: io::Error },
    #[error("the archive cannot be written: {0}")]
    Zip(ZipError),
    #[error("{0}")]
    Ended(ServiceError),
}

impl From<ArchiveError> for ServiceError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Name(_) => Self::InvalidArgument(error.to_string()),
            ArchiveError::Depth { .. } | ArchiveError::Entries { .. } => {
                Self::QuotaExceeded(error.to_string())
            }
            ArchiveError::Read { .. } => Self::Unavailable(error.to_string()),
            // The upload hands its own error through the writer of the archive.
            ArchiveError::Zip(ZipError::Io(error)) => error
                .downcast()
                .unwrap_or_else(|error| Self::Unavailable(format!("the archive cannot be written: {error}"))),
            ArchiveError::Zip(_) => Self::Unavailable(error.to_string()),
            ArchiveError::Ended(error) => error,
        }
    }
}

impl From<ZipError> for ArchiveError {
    fn from(error: ZipError) -> Self {
        Self::Zip(error)
    }
}

/// Writes what `source` holds into `sink`, deflated at this level where it is worth it.
pub(super) fn write(
    sink: impl Write,
    source: &Dir,
    limits: &ArchiveLimits,
    level: u32,
    call: &Call,
) -> Result<Contents, ArchiveError> {
    let mut archive = Archive {
        zip: ZipWriter::new_stream(Fused::new(sink)),
        buffer: vec![0; entry::READ],
        contents: Contents::default(),
        names: 0,
        limits,
        level,
        call,
    };
    archive.directory(source, "", 0)?;
    archive.zip.finish()?;
    Ok(archive.contents)
}

struct Archive<'a, W: Write> {
    zip: ZipWriter<StreamWriter<Fused<W>>>,
    buffer: Vec<u8>,
    contents: Contents,
    /// Of all directories that were listed so far.
    names: usize,
    limits: &'a ArchiveLimits,
    level: u32,
    call: &'a Call,
}

impl<W: Write> Archive<'_, W> {
    /// Writes what a directory holds. `prefix` is its path in the archive, empty or with a slash at the end.
    fn directory(&mut self, directory: &Dir, prefix: &str, depth: usize) -> Result<(), ArchiveError> {
        if depth > self.limits.depth {
            return Err(ArchiveError::Depth { allowed: self.limits.depth, path: prefix.to_owned() });
        }
        let allowed = self.limits.entries;
        let names = walk::names(directory, prefix, allowed.saturating_sub(self.names), self.call)?
            .ok_or(ArchiveError::Entries { allowed })?;
        self.names = self.names.saturating_add(names.len());
        for name in names {
            self.call.check().map_err(ArchiveError::Ended)?;
            let path = format!("{prefix}{name}");
            match walk::open(directory, &name, &path)? {
                Some(Found::Directory(found, modified)) => {
                    let path = path + "/";
                    self.zip.add_directory(path.as_str(), entry::directory_options(modified))?;
                    self.report(&path, 0);
                    self.directory(&found, &path, depth.saturating_add(1))?;
                }
                Some(Found::File(file, len, modified)) => self.file(&path, &file, len, modified)?,
                None => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, file: &File, len: u64, modified: i64) -> Result<(), ArchiveError> {
        let method = entry::method(file, len).map_err(read_error(path))?;
        self.zip.start_file(path, entry::file_options(modified, method, self.level))?;
        // A file that grows is stored as long as it was when opened, one that shrinks as long as it is.
        let mut offset = 0;
        while offset < len {
            self.call.check().map_err(ArchiveError::Ended)?;
            let read = entry::read_at(file, &mut self.buffer, offset, len).map_err(read_error(path))?;
            if read.is_empty() {
                break;
            }
            self.zip.write_all(read).map_err(ZipError::Io)?;
            offset = offset.saturating_add(read.len() as u64);
        }
        self.contents.files += 1;
        self.contents.bytes = self.contents.bytes.saturating_add(offset);
        self.report(path, offset);
        Ok(())
    }

    fn report(&mut self, name: &str, size: u64) {
        if self.contents.entries.len() < self.limits.reported {
            self.contents.entries.push(ArchiveEntry { name: name.to_owned(), size });
        }
    }
}

fn read_error(path: &str) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = if path.is_empty() { "." } else { path };
    move |source| ArchiveError::Read { path: path.to_owned(), source }
}
