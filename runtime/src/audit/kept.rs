//! The lines of a trail that are kept in memory, for a report.

use super::entry::{Entry, Line};

/// The most that is kept, in bytes of the file.
const MAX_BYTES: usize = 16 << 20;
/// Of these, how many are for what changed something: no flood of reads keeps that out of a report.
const FOR_CHANGES: usize = 4 << 20;

/// Lines that are kept: all of a short trail; of a long one the first, and after them what changed something.
#[derive(Default)]
pub(crate) struct Kept {
    lines: Vec<Line>,
    bytes: usize,
}

impl Kept {
    /// Takes a line with so many bytes, where it is to be kept.
    pub(crate) fn add(&mut self, line: &Line, bytes: usize) {
        let allowed = match &line.entry {
            // The first and the last say what ran, how it ended, and how many there are.
            Entry::Start(_) | Entry::End(_) => usize::MAX,
            Entry::In(_) => MAX_BYTES - FOR_CHANGES,
            Entry::Call(call) if !call.function.changes() => MAX_BYTES - FOR_CHANGES,
            Entry::Call(_) | Entry::Component(_) | Entry::Out(_) | Entry::Dropped(_) => MAX_BYTES,
        };
        let sum = self.bytes.saturating_add(bytes);
        if sum <= allowed {
            self.bytes = sum;
            self.lines.push(line.clone());
        }
    }

    /// These lines.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }
}
