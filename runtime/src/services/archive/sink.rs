//! What an archive is written into.

use std::io::{self, Write};

/// Hands an error on once, and swallows what comes after it: a zip writer that is dropped still writes
/// its directory, and complains on standard error where it cannot.
pub(super) struct Fused<W> {
    sink: W,
    broken: bool,
}

impl<W> Fused<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink, broken: false }
    }
}

impl<W: Write> Write for Fused<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Ok(bytes.len());
        }
        let written = self.sink.write(bytes);
        self.broken = written.is_err();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.broken { Ok(()) } else { self.sink.flush() }
    }
}
