//! Files, in the directories that the operator granted.

use crate::Error;
pub use crate::bindings::flip::fl::storage::{Directory, Entry, EntryKind, Root, StagedFile, open};

/// Bytes that are read or written at a time.
const PIECE: usize = 256 << 10;

impl Directory {
    /// Replaces the file at `path` in one step: a reader sees the old or the new contents.
    ///
    /// # Errors
    ///
    /// What the host answers; the file is what it was then.
    pub fn write(&self, path: &str, contents: &[u8]) -> Result<(), Error> {
        let file = self.create(path)?;
        contents.chunks(PIECE).try_for_each(|piece| file.append(piece))?;
        file.commit()
    }

    /// The whole file at `path`, where it is no longer than `max` bytes.
    ///
    /// # Errors
    ///
    /// `invalid-data` where it is longer, else what the host answers.
    pub fn read_whole(&self, path: &str, max: usize) -> Result<Vec<u8>, Error> {
        let mut contents = Vec::new();
        loop {
            let piece = self.read(path, contents.len() as u64, PIECE as u32)?;
            if piece.is_empty() {
                return Ok(contents);
            }
            contents.extend_from_slice(&piece);
            if contents.len() > max {
                return Err(Error::InvalidData(format!("{path}: longer than {max} bytes")));
            }
        }
    }

    /// Whether something is at `path`.
    ///
    /// # Errors
    ///
    /// What the host answers, save that nothing is there.
    pub fn exists(&self, path: &str) -> Result<bool, Error> {
        match self.stat(path) {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
