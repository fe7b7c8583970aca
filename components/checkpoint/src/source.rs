//! Where the bytes come from.

use std::convert::Infallible;

use crate::error::{Error, Invalid};

/// A file that can be read by ranges.
///
/// Offsets are 64 bits wide whatever the machine: a checkpoint of 5 GB is read in a 32-bit address space.
pub trait Source {
    /// What a failed read says.
    type Error;

    /// The length of the whole file in bytes. It must not change while the file is read.
    fn size(&self) -> u64;

    /// Appends the bytes from `offset` on to `into`: `len` of them, or fewer if that is what one call gives.
    /// Nothing appended means that there is nothing more.
    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Self::Error>;
}

impl Source for &[u8] {
    type Error = Infallible;

    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Infallible> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or_default();
        into.extend_from_slice(rest.get(..len).unwrap_or(rest));
        Ok(())
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    type Error = S::Error;

    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), S::Error> {
        (**self).read(offset, len, into)
    }
}

/// Appends exactly `len` bytes, or fails and leaves `into` as it was. Nothing is allocated for a range that
/// does not lie in the file.
pub(crate) fn read_exact<S: Source>(
    source: &mut S,
    what: &str,
    offset: u64,
    len: usize,
    into: &mut Vec<u8>,
) -> Result<(), Error<S::Error>> {
    let end = source.size();
    let truncated = || Invalid::Truncated { what: what.to_owned(), offset, needed: len as u64, end };
    if offset.checked_add(len as u64).is_none_or(|last| last > end) {
        return Err(truncated().into());
    }
    into.try_reserve(len).map_err(|_| Invalid::OutOfMemory { bytes: len })?;
    let before = into.len();
    let mut done = 0;
    while done < len {
        let at = offset.saturating_add(done as u64);
        let left = len - done;
        if let Err(cause) = source.read(at, left, into) {
            into.truncate(before);
            return Err(Error::Source { offset: at, length: left, cause });
        }
        // A source that gives too much is cut, one that gives nothing is at its end.
        into.truncate(before.saturating_add(len));
        let now = into.len().saturating_sub(before);
        if now <= done {
            into.truncate(before);
            return Err(truncated().into());
        }
        done = now;
    }
    Ok(())
}
