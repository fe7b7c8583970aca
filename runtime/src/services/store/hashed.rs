//! The digest of what is written on the way.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::inspect::Digest;

/// Passes on what is written, and takes its digest.
pub(super) struct Hashed<W> {
    to: W,
    sha256: Sha256,
}

impl<W: Write> Hashed<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, sha256: Sha256::new() }
    }

    /// The digest of everything so far.
    pub(super) fn digest(self) -> Digest {
        Digest::from(<[u8; 32]>::from(self.sha256.finalize()))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.to.write(bytes)?;
        self.sha256.update(bytes.get(..taken).unwrap_or(bytes));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
