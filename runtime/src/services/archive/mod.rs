//! A directory as a zip archive, written in one pass and constant memory, and compressed on all cores.
//!
//! Entries come in the order of their names, a directory before what it holds. Links and special files
//! are left out. What does not compress is stored: that is what most of a model's weights are.
//!
//! One thread reads and writes, both in order; others compress what lies between. The archive is the same
//! whatever their number.

mod entry;
mod limits;
mod queue;
mod records;
#[cfg(test)]
mod tests;
mod walk;
mod workers;

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::AtomicU64;
use std::thread;

use cap_std::fs::Dir;

use crate::services::{Call, ServiceError};
use entry::Blocks;
pub(crate) use limits::MostArchived;
pub use limits::{ArchiveAccount, ArchiveLimits};
use queue::Queue;
use walk::{Found, LeftOut};
use workers::Workers;

/// No more threads compress: what one thread reads and writes keeps no more of them busy, and each has its
/// part of the memory.
const MOST_THREADS: usize = 16;

/// The entries that are reported, the first of them.
const REPORTED: usize = 1_000;

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
    #[error("{path:?} cannot be read: {source}")]
    Read { path: String, source: io::Error },
    #[error("the archive cannot be written: {0}")]
    Write(io::Error),
    /// The call has ended, or a limit is reached.
    #[error("{0}")]
    Ended(ServiceError),
}

impl From<ArchiveError> for ServiceError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Name(_) => Self::InvalidArgument(error.to_string()),
            ArchiveError::Read { .. } => Self::Unavailable(error.to_string()),
            // The upload hands its own error through the writer of the archive.
            ArchiveError::Write(error) => error
                .downcast()
                .unwrap_or_else(|error| Self::Unavailable(ArchiveError::Write(error).to_string())),
            ArchiveError::Ended(error) => error,
        }
    }
}

/// How many threads compress an archive: as many as there are cores for this process.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)
}

/// What compressing takes in memory with so many threads, in bytes: each has its steps in the queue, and works on one
/// more with as much again of its own. A step is a block as it was read, or as it is kept.
pub(super) fn memory(threads: usize) -> u64 {
    let steps = (queue::STEPS_PER_THREAD as u64).saturating_add(2);
    let step = (entry::BLOCK as u64).saturating_mul(2);
    steps.saturating_mul(step).saturating_mul(threads.max(1) as u64)
}

/// Writes what `source` holds into `sink`, deflated at this level where it is worth it. `left_out` counts the lines that say
/// what is not in it.
pub(super) fn write(
    sink: impl Write,
    source: &Dir,
    limits: &mut ArchiveLimits,
    level: u32,
    threads: usize,
    left_out: &AtomicU64,
    call: &Call,
) -> Result<Contents, ArchiveError> {
    thread::scope(|scope| {
        let workers = Workers::start(scope, threads, level).map_err(ArchiveError::Write)?;
        let queue = Queue::new(sink, workers, threads);
        let (contents, left_out) = (Contents::default(), LeftOut::new(left_out));
        let mut archive = Archive { queue, contents, names: 0, left_out, limits, call };
        let walked = archive.directory(source, "", 0);
        archive.left_out.log();
        // What was read before an error is written before it is reported: it may fail first.
        archive.queue.drain().map_err(ArchiveError::Write)?;
        walked?;
        archive.queue.finish().map_err(ArchiveError::Write)?;
        Ok(archive.contents)
    })
}

struct Archive<'a, W> {
    queue: Queue<W>,
    contents: Contents,
    /// Of all directories that were listed so far.
    names: u64,
    left_out: LeftOut<'a>,
    limits: &'a mut ArchiveLimits,
    call: &'a Call,
}

impl<W: Write> Archive<'_, W> {
    /// Writes what a directory holds. `prefix` is its path in the archive, empty or with a slash at the end.
    fn directory(&mut self, directory: &Dir, prefix: &str, depth: u64) -> Result<(), ArchiveError> {
        self.limits.enter(depth).map_err(ArchiveError::Ended)?;
        let Self { names: number, limits, left_out, .. } = self;
        let add = |name: &str| {
            *number = number.saturating_add(1);
            limits.add(*number, prefix.len().saturating_add(name.len()))
        };
        for name in walk::names(directory, prefix, add, left_out, self.call)? {
            self.call.check().map_err(ArchiveError::Ended)?;
            let path = format!("{prefix}{name}");
            match walk::open(directory, &name, &path, &mut self.left_out)? {
                Some(Found::Directory(found, modified)) => {
                    let path = path + "/";
                    self.queue.directory(path.clone(), modified).map_err(ArchiveError::Write)?;
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
        self.queue.file(path.to_owned(), modified, method).map_err(ArchiveError::Write)?;
        let mut blocks = Blocks::new(file, len, method);
        loop {
            self.call.check().map_err(ArchiveError::Ended)?;
            let Some(block) = blocks.next().map_err(read_error(path))? else { break };
            self.queue.block(block).map_err(ArchiveError::Write)?;
        }
        let read = blocks.read();
        self.contents.files += 1;
        self.contents.bytes = self.contents.bytes.saturating_add(read);
        self.report(path, read);
        Ok(())
    }

    fn report(&mut self, name: &str, size: u64) {
        if self.contents.entries.len() < REPORTED {
            self.contents.entries.push(ArchiveEntry { name: name.to_owned(), size });
        }
    }
}

fn read_error(path: &str) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = if path.is_empty() { "." } else { path };
    move |source| ArchiveError::Read { path: path.to_owned(), source }
}
