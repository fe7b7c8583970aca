//! Where a tensor's bytes come from.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

use super::zeroed;

/// How much of a file is written before the disk is sent it: it writes while the rest is made, not all of it when the
/// file is to be complete.
#[cfg(target_os = "linux")]
const SENT: u64 = 8 << 20;

/// How much of a file is on its way from the disk beyond what is read of it here and there, as samples are: each would wait
/// for the disk otherwise. What is read in one go the system reads ahead itself, and keeps in larger pieces.
#[cfg(target_os = "linux")]
const AHEAD: u64 = 4 << 20;

/// How much each of them is at most.
#[cfg(target_os = "linux")]
const SMALL: u64 = 4 << 10;

/// How far apart such reads are. What lies closer together the system takes for one go; what is farther away is another
/// part of the file.
#[cfg(target_os = "linux")]
const APART: std::ops::Range<u64> = 12 << 10..1 << 20;

/// How much of that is asked for at a time: of more, systems read only the beginning.
#[cfg(target_os = "linux")]
const ASKED: u64 = 128 << 10;

/// A part of a file, read at its offsets; the file's own position does not matter.
#[derive(Clone, Debug)]
pub struct FileRange {
    file: Arc<File>,
    /// How many parts of the file, of [`AHEAD`] each, the system was asked to read.
    asked: Arc<AtomicU64>,
    offset: u64,
    len: u64,
}

thread_local! {
    /// Where the last read on this thread ended, and in which file: several threads read parts of one at a time.
    static READ: Cell<(u64, usize)> = const { Cell::new((0, 0)) };
}

impl FileRange {
    /// `len` bytes of `file` from byte `offset`.
    pub fn new(file: Arc<File>, offset: u64, len: u64) -> Self {
        Self { file, asked: Arc::default(), offset, len }
    }

    /// `len` bytes of it from byte `offset`; the caller has checked that they are there.
    pub(crate) fn slice(&self, offset: u64, len: u64) -> Self {
        Self { offset: self.offset.saturating_add(offset), len, ..self.clone() }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// It and a range that begins where it ends.
    pub(super) fn with(&self, next: &Self) -> Self {
        Self { len: self.len.saturating_add(next.len), ..self.clone() }
    }

    /// Fills `buffer` from byte `offset` of the range.
    pub(crate) fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = self.offset.saturating_add(offset);
        self.read_ahead(start, buffer.len() as u64);
        self.file.read_exact_at(buffer, start)
    }

    /// Has the disk read what comes behind these bytes of the file, where they are apart from those before. Once for each
    /// part: when it is read again, it is in memory.
    #[cfg(target_os = "linux")]
    fn read_ahead(&self, start: u64, len: u64) {
        let end = start.saturating_add(len);
        let (before, file) = READ.replace((end, Arc::as_ptr(&self.asked).addr()));
        let goes_on = file == Arc::as_ptr(&self.asked).addr();
        if !goes_on || len > SMALL || !APART.contains(&start.saturating_sub(before)) {
            return;
        }
        let next = end / AHEAD + 2;
        let asked = self.asked.fetch_max(next, Ordering::Relaxed).max(start / AHEAD);
        for piece in asked * (AHEAD / ASKED)..next * (AHEAD / ASKED) {
            // It is advice: where it is not taken, nothing is lost.
            let (offset, len) = (piece.saturating_mul(ASKED), std::num::NonZeroU64::new(ASKED));
            let _ = rustix::fs::fadvise(&self.file, offset, len, rustix::fs::Advice::WillNeed);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn read_ahead(&self, _: u64, _: u64) {}

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.offset.saturating_add(offset))
    }

    /// The same for a file that is to stay: now and then the disk is sent what was written before. What others write to
    /// the same part later is sent when the file is complete.
    pub(crate) fn write_and_send(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(offset, bytes)?;
        #[cfg(target_os = "linux")]
        {
            let start = self.offset.saturating_add(offset);
            let (part, now) = (start / SENT, start.saturating_add(bytes.len() as u64) / SENT);
            if part != now {
                // Linux begins to write what it is told that nobody needs, and keeps it until it has. It is advice:
                // where it is not taken, nothing is lost.
                let len = std::num::NonZeroU64::new((now - part).saturating_mul(SENT));
                let _ = rustix::fs::fadvise(&self.file, part * SENT, len, rustix::fs::Advice::DontNeed);
            }
        }
        Ok(())
    }
}

/// How long windows are whose memory is used again. Shorter ones cost little.
const KEPT: std::ops::RangeInclusive<usize> = 64 << 10..=1 << 20;

thread_local! {
    /// The last window of a file that was read on this thread.
    static LAST: Cell<Bytes> = const { Cell::new(Bytes::new()) };
}

/// Gives back the memory of the last window that was read on this thread.
pub(crate) fn forget_window() {
    LAST.take();
}

/// `len` bytes that `read` fills whole, or fails: in the memory of the last window, where nobody holds that any more.
/// To find memory for each anew, and to zero it, takes about as long as to read into it.
pub(super) fn window(len: usize, read: impl FnOnce(&mut [u8]) -> io::Result<()>) -> io::Result<Bytes> {
    let kept = KEPT.contains(&len);
    let last = if kept { LAST.take() } else { Bytes::new() };
    let mut window = match last.try_into_mut() {
        Ok(last) if last.len() >= len && last.len() / 2 <= len => last,
        _ => BytesMut::from(Bytes::from(zeroed::<u8>(len as u64)?)),
    };
    read(window.get_mut(..len).ok_or(io::ErrorKind::UnexpectedEof)?)?;
    let window = window.freeze();
    if kept {
        LAST.set(window.clone());
    }
    Ok(window.slice(..len))
}

/// Bytes in the memory of an embedder that are read one part at a time, such as an array that is not
/// contiguous.
pub trait TensorSource: Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` from byte `offset`; as many are there.
    ///
    /// # Errors
    ///
    /// What kept them from being read.
    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// The bytes that a tensor starts from.
#[derive(Clone)]
pub(crate) enum Source {
    /// Memory, which may be shared.
    Memory(Bytes),
    /// A file that is only read.
    File(FileRange),
    /// So many zero bytes.
    Zeros(u64),
    /// What an embedder keeps.
    Elsewhere(Arc<dyn TensorSource>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self {
            Self::Memory(_) => "memory",
            Self::File(_) => "a file",
            Self::Zeros(_) => "zeroes",
            Self::Elsewhere(_) => "elsewhere",
        };
        write!(f, "{} bytes, {place}", self.len())
    }
}

impl Source {
    /// Whether both are the same bytes in the same place.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory(one), Self::Memory(other)) => {
                one.as_ptr() == other.as_ptr() && one.len() == other.len()
            }
            (Self::Elsewhere(one), Self::Elsewhere(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// `len` bytes of it from `offset`, as a source of their own; the caller has checked that they are there.
    pub(super) fn slice(&self, offset: u64, len: u64) -> Self {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let end = start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)).min(bytes.len());
                Self::Memory(bytes.slice(start..end))
            }
            Self::File(range) => Self::File(range.slice(offset, len)),
            Self::Zeros(_) => Self::Zeros(len),
            Self::Elsewhere(source) => {
                Self::Elsewhere(Arc::new(Piece { whole: source.clone(), offset, len }))
            }
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(range) => range.len,
            Self::Zeros(len) => *len,
            Self::Elsewhere(source) => source.len(),
        }
    }

    /// `len` bytes from `offset`; the caller has checked that they are there.
    pub(crate) fn read(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(start..start.saturating_add(len).min(bytes.len())))
            }
            Self::File(range) => window(len, |buffer| range.read_into(offset, buffer)),
            Self::Zeros(_) | Self::Elsewhere(_) => {
                let mut buffer = zeroed(len as u64)?;
                self.read_into(offset, &mut buffer)?;
                Ok(buffer.into())
            }
        }
    }

    /// Fills `buffer` from `offset`; the caller has checked that so much is there.
    pub(super) fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(buffer.len());
                let part = bytes.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
                buffer.copy_from_slice(part);
            }
            Self::File(range) => range.read_into(offset, buffer)?,
            Self::Zeros(_) => buffer.fill(0),
            Self::Elsewhere(source) => source.read_into(offset, buffer)?,
        }
        Ok(())
    }

    /// The memory in which the bytes lie, where nobody else holds them.
    pub(super) fn take_memory(&mut self) -> Option<BytesMut> {
        let Self::Memory(memory) = self else { return None };
        match std::mem::take(memory).try_into_mut() {
            Err(shared) => {
                *memory = shared;
                None
            }
            Ok(owned) => Some(owned),
        }
    }

    /// Writes where the bytes lie in memory and nobody else holds them; says whether that was so.
    pub(super) fn write_in_place(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let Some(mut owned) = self.take_memory() else { return false };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let target = owned.get_mut(start..start.saturating_add(bytes.len()));
        let fits = target.is_some();
        if let Some(target) = target {
            target.copy_from_slice(bytes);
        }
        *self = Self::Memory(owned.freeze());
        fits
    }
}

/// A part of another source.
struct Piece {
    whole: Arc<dyn TensorSource>,
    offset: u64,
    len: u64,
}

impl TensorSource for Piece {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.whole.read_into(self.offset.saturating_add(offset), buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_a_file_share_memory_only_where_nobody_holds_the_one_before() {
        let (mut file, len) = (tempfile::tempfile().unwrap(), *KEPT.start());
        let bytes: Vec<u8> = (0..4 * len).map(|index| (index / 7) as u8).collect();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        let source = Source::File(FileRange::new(Arc::new(file), 0, bytes.len() as u64));
        let read = |start: usize, len| source.read(start as u64, len).unwrap();

        let (first, second) = (read(0, 2 * len), read(len, len));
        assert!(first == bytes[..2 * len] && second == bytes[len..2 * len]);
        let place = second.as_ptr();
        drop(second);
        let third = read(2 * len, len);
        assert!(third == bytes[2 * len..3 * len] && third.as_ptr() == place && first == bytes[..2 * len]);
        drop(third);
        assert!(!LAST.take().is_empty());
        read(0, len);
        forget_window();
        assert!(LAST.take().is_empty());
        assert!(source.read(3 * len as u64 + 1, len).is_err());
        assert_eq!(read(1, 3), bytes[1..4]);
    }
}
