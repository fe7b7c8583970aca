//! Where the bytes go that a component writes.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::FileRange;
use crate::budget::Kept;
use crate::exchange::Dxo;

/// Where the bytes go that a component writes.
#[derive(Clone, Debug, Default)]
pub(crate) enum Scratch {
    /// Memory.
    #[default]
    Memory,
    /// A file, one tensor after the other.
    File(Arc<ScratchFile>),
}

impl Scratch {
    /// What a component that rewrites a dxo takes by that, which is not its doing: in memory where it is or goes
    /// there, else on disk.
    pub(crate) fn given(&self, dxo: &Dxo) -> Kept {
        match self {
            Self::Memory => dxo.kept(),
            Self::File(_) => Kept { tensors: dxo.byte_len(), ..dxo.kept() },
        }
    }
}

/// A file that grows at its end, and whose parts are used again once they are given back.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    /// Made when it is first written to: most components of a job write nothing.
    file: OnceLock<Arc<File>>,
    space: Mutex<Space>,
    /// Whether it gets a name when it is complete, and is on the disk by then.
    stays: bool,
}

impl ScratchFile {
    /// What is behind `start` in a file that stays.
    pub(crate) fn new(file: Arc<File>, start: u64) -> Self {
        Self { file: file.into(), space: Mutex::new(Space { end: start, free: Vec::new() }), stays: true }
    }

    /// A file without a name.
    pub(crate) fn temporary() -> Self {
        Self { file: OnceLock::new(), space: Mutex::new(Space { end: 0, free: Vec::new() }), stays: false }
    }

    fn file(&self) -> io::Result<&Arc<File>> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = Arc::new(tempfile::tempfile()?);
        Ok(self.file.get_or_init(|| file))
    }

    /// So many bytes of it.
    pub(crate) fn allocate(self: &Arc<Self>, len: u64) -> io::Result<ScratchRegion> {
        let file = self.file()?.clone();
        let offset = self.space.lock().unwrap_or_else(PoisonError::into_inner).take(len)?;
        let range = FileRange::new(file, offset, len);
        Ok(ScratchRegion { file: self.clone(), range, offset, len })
    }
}

/// A part of a [`ScratchFile`], until it is dropped. What was in it before is still there.
#[derive(Debug)]
pub(crate) struct ScratchRegion {
    file: Arc<ScratchFile>,
    pub(crate) range: FileRange,
    offset: u64,
    len: u64,
}

impl ScratchRegion {
    /// Whether its file stays.
    pub(super) fn stays(&self) -> bool {
        self.file.stays
    }

    /// Its offset, where it is a part of `file`.
    pub(crate) fn offset_in(&self, file: &ScratchFile) -> Option<u64> {
        std::ptr::eq(&*self.file, file).then_some(self.offset)
    }
}

impl Drop for ScratchRegion {
    fn drop(&mut self) {
        self.file.space.lock().unwrap_or_else(PoisonError::into_inner).give(self.offset, self.len);
    }
}

/// What is free of a file: everything from `end`, and some parts before it.
#[derive(Debug)]
struct Space {
    end: u64,
    /// Offset and length, in the order of the offsets; no two of them touch.
    free: Vec<(u64, u64)>,
}

impl Space {
    /// The first free part that is long enough.
    fn take(&mut self, len: u64) -> io::Result<u64> {
        let found = self.free.iter_mut().enumerate().find(|(_, (_, free))| *free >= len);
        if let Some((index, part)) = found {
            let offset = part.0;
            *part = (part.0 + len, part.1 - len);
            if part.1 == 0 {
                self.free.remove(index);
            }
            return Ok(offset);
        }
        let offset = self.end;
        self.end = offset.checked_add(len).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(offset)
    }

    /// Takes a part back.
    fn give(&mut self, mut offset: u64, mut len: u64) {
        let index = self.free.partition_point(|part| part.0 < offset);
        if let Some(&(_, more)) = self.free.get(index).filter(|next| next.0 == offset + len) {
            len += more;
            self.free.remove(index);
        }
        if let Some(before) = index.checked_sub(1)
            && let Some(&(start, more)) = self.free.get(before).filter(|part| part.0 + part.1 == offset)
        {
            (offset, len) = (start, len + more);
            self.free.remove(before);
        }
        if offset + len == self.end {
            self.end = offset;
        } else if len > 0 {
            let index = self.free.partition_point(|part| part.0 < offset);
            self.free.insert(index, (offset, len));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_never_overlap_and_everything_comes_back(lens in prop::collection::vec((0_u64..100, any::<u8>()), 1..200)) {
            let mut space = Space { end: 64, free: Vec::new() };
            let mut taken: Vec<(u64, u64)> = Vec::new();
            for (len, which) in lens {
                if which % 3 == 0 && !taken.is_empty() {
                    let (offset, len) = taken.swap_remove(usize::from(which) % taken.len());
                    space.give(offset, len);
                } else {
                    let offset = space.take(len).unwrap();
                    prop_assert!(offset >= 64);
                    prop_assert!(taken.iter().all(|(start, held)| offset + len <= *start || start + held <= offset));
                    if len > 0 {
                        taken.push((offset, len));
                    }
                }
            }
            for (offset, len) in taken {
                space.give(offset, len);
            }
            prop_assert_eq!((space.end, space.free), (64, vec![]));
        }
    }
}
