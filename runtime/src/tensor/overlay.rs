//! What a component has written over a tensor that it may not change.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::scratch::ScratchRegion;
use super::source::window;
use super::{FileRange, Scratch, ScratchFile, Source, TensorError, TensorSource, Writing, zeroed};

/// The granularity of copy-on-write: a window, so that whole windows are never copied first.
pub(crate) const BLOCK: u64 = 256 * 1024;

/// A source and, block by block, what was written over it.
#[derive(Debug)]
pub(super) struct Overlay {
    base: Source,
    region: Region,
    /// For each block whether it lies in the region.
    written: Vec<bool>,
    /// How many of them do not.
    missing: usize,
    /// Whether others have the rest of the region.
    is_piece: bool,
}

/// Where the written blocks lie.
#[derive(Debug)]
enum Region {
    Memory(BytesMut),
    /// A range of a region, which is given back with the last of them.
    File(FileRange, Arc<ScratchRegion>),
}

impl Region {
    /// Takes off its first `len` bytes.
    fn split_off_front(&mut self, len: u64) -> Self {
        match self {
            Self::Memory(memory) => {
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(memory.len());
                Self::Memory(memory.split_to(len))
            }
            Self::File(range, region) => {
                let front = Self::File(range.slice(0, len), region.clone());
                *range = range.slice(len, range.len().saturating_sub(len));
                front
            }
        }
    }
}

impl Overlay {
    /// Nothing is written over `base` yet.
    pub(super) fn new(base: Source, scratch: &Scratch) -> io::Result<Self> {
        let len = base.len();
        let region = match scratch {
            // Zeroed memory costs nothing before it is touched.
            Scratch::Memory => Region::Memory(zeroed_memory(len)?),
            Scratch::File(file) => {
                let region = file.allocate(len)?;
                Region::File(region.range.clone(), Arc::new(region))
            }
        };
        let written: Vec<bool> = zeroed(len.div_ceil(BLOCK))?;
        Ok(Self { base, region, missing: written.len(), written, is_piece: false })
    }

    /// What lies in memory that nobody else holds: it is all written.
    pub(super) fn in_place(memory: BytesMut) -> io::Result<Self> {
        let len = memory.len() as u64;
        let mut written: Vec<bool> = zeroed(len.div_ceil(BLOCK))?;
        written.fill(true);
        let region = Region::Memory(memory);
        Ok(Self { base: Source::Zeros(len), region, written, missing: 0, is_piece: false })
    }

    /// Cuts it into pieces that begin at whole blocks, of so many bytes each; [`Overlay::join`] undoes it.
    pub(super) fn cut(self, lens: &[u64]) -> Vec<Self> {
        let Self { base, mut region, written, .. } = self;
        let mut offset = 0_u64;
        let mut pieces = Vec::with_capacity(lens.len());
        for &len in lens {
            let blocks = (offset / BLOCK) as usize..offset.saturating_add(len).div_ceil(BLOCK) as usize;
            let written = written.get(blocks).unwrap_or_default().to_vec();
            let missing = written.iter().filter(|written| !**written).count();
            let region = region.split_off_front(len);
            pieces.push(Self { base: base.slice(offset, len), region, written, missing, is_piece: true });
            offset = offset.saturating_add(len);
        }
        pieces
    }

    /// Puts pieces together again, in their order, over the bytes that they were cut from.
    pub(super) fn join(base: Source, pieces: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut pieces = pieces.into_iter();
        let mut whole = pieces.next()?;
        for piece in pieces {
            match (&mut whole.region, piece.region) {
                (Region::Memory(memory), Region::Memory(more)) => memory.unsplit(more),
                (Region::File(range, region), Region::File(more, of)) if Arc::ptr_eq(region, &of) => {
                    *range = range.with(&more);
                }
                _ => return None,
            }
            whole.written.extend(piece.written);
            whole.missing = whole.missing.saturating_add(piece.missing);
        }
        (whole.region_len() == base.len()).then_some(Self { base, is_piece: false, ..whole })
    }

    fn region_len(&self) -> u64 {
        match &self.region {
            Region::Memory(memory) => memory.len() as u64,
            Region::File(range, _) => range.len(),
        }
    }

    /// The bytes that it lies over.
    pub(super) fn base(&self) -> &Source {
        &self.base
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

    /// Whether some of it is read from a file, or from elsewhere.
    pub(super) fn is_read(&self) -> bool {
        !self.is_in_memory() || matches!(self.base, Source::File(_) | Source::Elsewhere(_))
    }

    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self.region, Region::Memory(_))
    }

    /// `len` bytes from `offset`; the caller has checked that they are there.
    pub(super) fn read(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let end = offset.saturating_add(len as u64);
        let written = self.written.get((offset / BLOCK) as usize..end.div_ceil(BLOCK) as usize);
        match (&self.region, written) {
            // Without a copy, where it lies in memory.
            (_, Some(blocks)) if !blocks.contains(&true) => return self.base.read(offset, len),
            (Region::Memory(memory), Some(blocks)) if !blocks.contains(&false) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let bytes =
                    memory.get(start..start.saturating_add(len)).ok_or(io::ErrorKind::UnexpectedEof)?;
                return Ok(Bytes::copy_from_slice(bytes));
            }
            _ => {}
        }
        if let (Region::File(..), Source::File(_)) = (&self.region, &self.base) {
            return window(len, |buffer| self.read_into(offset, buffer));
        }
        let mut buffer = zeroed(len as u64)?;
        self.read_into(offset, &mut buffer)?;
        Ok(buffer.into())
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (block, offset, part) in split_mut(offset, buffer) {
            match (self.is_written(block), &self.region) {
                (false, _) => self.base.read_into(offset, part)?,
                (true, Region::File(range, _)) => range.read_into(offset, part)?,
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
            Region::File(range, region) if region.stays() => range.write_and_send(offset, bytes),
            Region::File(range, _) => range.write(offset, bytes),
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
            Region::Memory(memory) if self.missing == 0 && !self.is_piece => {
                Some(Source::Memory(std::mem::take(memory).freeze()))
            }
            _ => None,
        }
    }

    /// Where the region lies in `file`: its offset there, once every block is in it.
    pub(super) fn complete_in(&mut self, file: &ScratchFile) -> io::Result<Option<u64>> {
        let offset = match &self.region {
            Region::File(_, region) => region.offset_in(file),
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

impl TensorSource for Overlay {
    fn len(&self) -> u64 {
        self.base.len()
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        Self::read_into(self, offset, buffer)
    }
}

/// So many zeroes, or an error where there is no such memory.
fn zeroed_memory(len: u64) -> io::Result<BytesMut> {
    // Bytes take over a vector, and are taken over as they are, without a copy: nobody else holds them.
    Ok(Bytes::from(zeroed::<u8>(len)?).into())
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
