//! What a component has written over a tensor that it may not change.

use std::io;

use bytes::Bytes;

use super::scratch::ScratchRegion;
use super::{Scratch, ScratchFile, Source, TensorError, Writing, zeroed};

/// The granularity of copy-on-write: a window, so that whole windows are never copied first.
const BLOCK: u64 = 256 * 1024;

/// A source and, block by block, what was written over it.
#[derive(Debug)]
pub(super) struct Overlay {
    base: Source,
    region: Region,
    /// For each block whether it lies in the region.
    written: Vec<bool>,
    /// How many of them do not.
    missing: usize,
}

/// Where the written blocks lie.
#[derive(Debug)]
enum Region {
    Memory(Vec<u8>),
    File(ScratchRegion),
}

impl Overlay {
    /// Nothing is written over `base` yet.
    pub(super) fn new(base: Source, scratch: &Scratch) -> io::Result<Self> {
        let len = base.len();
        let region = match scratch {
            // Zeroed memory costs nothing before it is touched.
            Scratch::Memory => Region::Memory(zeroed(len)?),
            Scratch::File(file) => Region::File(file.allocate(len)?),
        };
        let written: Vec<bool> = zeroed(len.div_ceil(BLOCK))?;
        Ok(Self { base, region, missing: written.len(), written })
    }

    /// The same data in a region of its own.
    pub(super) fn copy(&self, writing: &Writing<'_>) -> Result<Self, TensorError> {
        let mut copy = Self::new(Source::Zeros(self.base.len()), writing.scratch)?;
        for block in 0..self.written.len() as u64 {
            (writing.go_on)()?;
            let (offset, len) = self.bounds(block);
            copy.write(offset, &self.read(offset, len)?)?;
        }
        Ok(copy)
    }

    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self.region, Region::Memory(_))
    }

    /// `len` bytes from `offset`; the caller has checked that they are there.
    pub(super) fn read(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut buffer = zeroed(len as u64)?;
        self.read_into(offset, &mut buffer)?;
        Ok(buffer.into())
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (block, offset, part) in split_mut(offset, buffer) {
            match (self.is_written(block), &self.region) {
                (false, _) => self.base.read_into(offset, part)?,
                (true, Region::File(region)) => region.range.read_into(offset, part)?,
                (true, Region::Memory(memory)) => {
                    let start = usize::try_from(offset).unwrap_or(usize::MAX);
                    let end = start.saturating_add(part.len());
                    part.copy_from_slice(memory.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
                }
            }
        }
        Ok(())
    }

    /// Writes at `offset`; the caller has checked that the bytes fit.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let end = offset.saturating_add(bytes.len() as u64);
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            let (start, len) = self.bounds(block);
            let whole = offset <= start && start.saturating_add(len as u64) <= end;
            if !whole {
                self.fill(block)?;
            }
        }
        self.write_region(offset, bytes)?;
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            self.mark(block);
        }
        Ok(())
    }

    /// Brings a block into the region, if it is not there.
    fn fill(&mut self, block: u64) -> io::Result<()> {
        if !self.is_written(block) {
            let (offset, len) = self.bounds(block);
            let bytes = self.base.read(offset, len)?;
            self.write_region(offset, &bytes)?;
            self.mark(block);
        }
        Ok(())
    }

    fn write_region(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match &mut self.region {
            Region::File(region) => region.range.write(offset, bytes),
            Region::Memory(memory) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(bytes.len());
                let target = memory.get_mut(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
                target.copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Where everything was written and lies in memory: that memory, as a source.
    pub(super) fn settle(&mut self) -> Option<Source> {
        match &mut self.region {
            Region::Memory(memory) if self.missing == 0 => {
                Some(Source::Memory(std::mem::take(memory).into()))
            }
            _ => None,
        }
    }

    /// Where the region lies in `file`: its offset there, once every block is in it.
    pub(super) fn complete_in(&mut self, file: &ScratchFile) -> io::Result<Option<u64>> {
        let offset = match &self.region {
            Region::File(region) => region.offset_in(file),
            Region::Memory(_) => None,
        };
        if offset.is_none() {
            return Ok(None);
        }
        for block in 0..self.written.len() as u64 {
            self.fill(block)?;
        }
        Ok(offset)
    }

    /// The offset and the length of a block.
    fn bounds(&self, block: u64) -> (u64, usize) {
        let offset = block.saturating_mul(BLOCK);
        let len = self.base.len().saturating_sub(offset).min(BLOCK);
        (offset, len as usize)
    }

    fn is_written(&self, block: u64) -> bool {
        usize::try_from(block).is_ok_and(|block| self.written.get(block).is_some_and(|written| *written))
    }

    fn mark(&mut self, block: u64) {
        let written = usize::try_from(block).ok().and_then(|block| self.written.get_mut(block));
        if let Some(written) = written.filter(|written| !**written) {
            *written = true;
            self.missing = self.missing.saturating_sub(1);
        }
    }
}

/// Cuts a buffer that starts at `offset` where blocks begin: the block, the offset and the part.
fn split_mut(mut offset: u64, mut buffer: &mut [u8]) -> impl Iterator<Item = (u64, u64, &mut [u8])> {
    std::iter::from_fn(move || {
        let start = offset;
        let in_block = buffer.len().min((BLOCK - start % BLOCK) as usize);
        let part = buffer.split_off_mut(..in_block).filter(|part| !part.is_empty())?;
        offset = start.saturating_add(part.len() as u64);
        Some((start / BLOCK, start, part))
    })
}
