//! One file: whether it is compressed, and how it is read.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::records::Method;
use super::workers::Block;

/// How much is read at once and compressed by one thread, in bytes.
pub(super) const BLOCK: usize = 128 << 10;

/// How far back deflate refers.
const WINDOW: usize = 32 << 10;

/// The length of a sample. Two are taken: weights follow after a header that compresses well.
const SAMPLE: usize = 64 << 10;

/// Smaller files are not worth a sample: they cost little either way.
const SAMPLED: u64 = 1 << 20;

/// Whether a file is worth compressing: its beginning and its middle must shrink by a tenth.
pub(super) fn method(file: &File, len: u64) -> io::Result<Method> {
    if len == 0 {
        return Ok(Method::Stored);
    }
    if len < SAMPLED {
        return Ok(Method::Deflated);
    }
    let mut buffer = vec![0; SAMPLE];
    let mut sampled = 0;
    let mut compressed = 0;
    for offset in [0, len / 2] {
        let sample = read_at(file, &mut buffer, offset, len)?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(sample)?;
        sampled += sample.len();
        compressed += encoder.finish()?.len();
    }
    let shrinks = compressed < sampled / 10 * 9;
    Ok(if shrinks { Method::Deflated } else { Method::Stored })
}

/// Fills the buffer from byte `offset`, or reads what there is before `end`.
fn read_at<'a>(file: &File, buffer: &'a mut [u8], offset: u64, end: u64) -> io::Result<&'a [u8]> {
    let wanted = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
    let mut filled = 0;
    while filled < wanted {
        let Some(rest) = buffer.get_mut(filled..wanted) else { break };
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

/// The blocks of a file. One that grows is kept as long as it was when opened, one that shrinks as long as
/// it is.
pub(super) struct Blocks<'a> {
    file: &'a File,
    len: u64,
    deflate: bool,
    read: u64,
    /// The end of the block before, as far as it matters to the next.
    window: Vec<u8>,
    done: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(file: &'a File, len: u64, method: Method) -> Self {
        let deflate = method == Method::Deflated;
        // Deflated data has an end even where it is empty.
        let done = len == 0 && !deflate;
        Self { file, len, deflate, read: 0, window: Vec::new(), done }
    }

    /// How many bytes were read so far.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// Reads the next block; none after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Block>> {
        if self.done {
            return Ok(None);
        }
        let left = usize::try_from(self.len.saturating_sub(self.read)).unwrap_or(usize::MAX).min(BLOCK);
        let mut bytes = std::mem::take(&mut self.window);
        let start = bytes.len();
        bytes.resize(start.saturating_add(left), 0);
        let room = bytes.get_mut(start..).unwrap_or_default();
        let read = read_at(self.file, room, self.read, self.len)?.len();
        bytes.truncate(start.saturating_add(read));
        self.read = self.read.saturating_add(read as u64);
        self.done = read < left || self.read >= self.len;
        if self.deflate {
            let window = bytes.get(bytes.len().saturating_sub(WINDOW)..).unwrap_or_default();
            self.window.reserve_exact(WINDOW + BLOCK);
            self.window.extend_from_slice(window);
        }
        Ok(Some(Block { bytes, start, deflate: self.deflate, last: self.done }))
    }
}
