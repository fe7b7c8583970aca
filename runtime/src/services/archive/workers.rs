//! The threads that compress: blocks of files, each by itself.
//!
//! A block of deflated data knows the 32 KiB before it, as far back as deflate can refer, and ends on a whole
//! byte: blocks that were compressed on different threads are one stream when they are put together. What
//! comes of a block depends on the file alone, and not on the number of threads.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope};

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};

/// Part of a file.
pub(super) struct Block {
    /// What comes before it in the file, and then the block itself.
    pub(super) bytes: Vec<u8>,
    /// Where it begins.
    pub(super) start: usize,
    /// Whether it is deflated, and not kept as it is.
    pub(super) deflate: bool,
    /// Whether the file ends with it.
    pub(super) last: bool,
}

/// A block as it is kept.
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    /// Where it begins in them.
    pub(super) start: usize,
    /// The checksum and the length of what it was.
    pub(super) crc: Crc,
}

/// A block on its way.
pub(super) struct Pending(Receiver<Result<Packed, CompressError>>);

impl Pending {
    /// Waits for the block. It takes milliseconds: no end of a call is looked for meanwhile.
    pub(super) fn wait(self) -> io::Result<Packed> {
        match self.0.recv() {
            Ok(packed) => packed.map_err(io::Error::other),
            Err(_) => Err(io::Error::other("a thread that compresses has ended")),
        }
    }
}

struct Job {
    block: Block,
    done: SyncSender<Result<Packed, CompressError>>,
}

/// Threads that wait for blocks, and end when this is dropped.
pub(super) struct Workers(Sender<Job>);

impl Workers {
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        threads: usize,
        level: u32,
    ) -> io::Result<Self> {
        let (sender, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for thread in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            let run = move || {
                // The block is lost with the thread, and whoever waits for it is told. A panic that went on
                // would be the caller's.
                let _ = catch_unwind(AssertUnwindSafe(|| work(&jobs, level)));
            };
            let started = Builder::new().name("archive".to_owned()).spawn_scoped(scope, run);
            // Where the system allows no more of them, fewer do.
            if let Err(error) = started
                && thread == 0
            {
                return Err(error);
            }
        }
        Ok(Self(sender))
    }

    pub(super) fn pack(&self, block: Block) -> Pending {
        let (done, packed) = mpsc::sync_channel(1);
        // Nobody takes it where all threads have ended: then nothing comes back.
        let _ = self.0.send(Job { block, done });
        Pending(packed)
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, level: u32) {
    loop {
        // Whoever holds the lock waits for the next job, the others for the lock.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, done }) = job else { return };
        // Nobody waits any more where the archive has failed.
        let _ = done.send(pack(block, level));
    }
}

fn pack(block: Block, level: u32) -> Result<Packed, CompressError> {
    let Block { bytes, start, deflate, last } = block;
    let (before, contents) = bytes.split_at_checked(start).unwrap_or((&[], &bytes));
    let mut crc = Crc::new();
    crc.update(contents);
    if !deflate {
        return Ok(Packed { bytes, start, crc });
    }
    // A new one for each block: one that was reset gave other bytes, by what it had compressed before.
    let mut compress = Compress::new(Compression::new(level.clamp(1, 9)), false);
    if !before.is_empty() {
        compress.set_dictionary(before)?;
    }
    let bytes = deflated(&mut compress, contents, last)?;
    Ok(Packed { bytes, start: 0, crc })
}

/// Deflates all of a block, up to a whole byte, or to the end of the stream.
fn deflated(compress: &mut Compress, contents: &[u8], last: bool) -> Result<Vec<u8>, CompressError> {
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    let step = contents.len() / 2 + 64;
    let mut bytes = Vec::with_capacity(step);
    loop {
        let taken = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = contents.get(taken..).unwrap_or_default();
        let status = compress.compress_vec(rest, &mut bytes, flush)?;
        // What was left over for want of room would have filled it.
        let room = bytes.len() < bytes.capacity();
        if status == Status::StreamEnd || room && !last {
            return Ok(bytes);
        }
        bytes.reserve(step);
    }
}
