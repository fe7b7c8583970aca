//! The lines of a trail that are kept in memory, for a report.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, Line};

/// The most that is kept, in bytes of the file.
const MAX_BYTES: usize = 16 << 20;
/// Of these, how many are for what changed something: no flood of reads keeps that out of a report.
const FOR_CHANGES: usize = 8 << 20;
/// How many are for what ran, and what left: no flood of changes keeps that out.
const FOR_FRAME: usize = 4 << 20;
/// How many one component's changes may take: its flood keeps nobody else's out.
const OF_ONE: usize = 1 << 20;

/// Lines that are kept: all of a short trail; of a long one the first of each class.
#[derive(Default)]
pub(crate) struct Kept {
    lines: Vec<Line>,
    bytes: usize,
    /// The classes of which a line did not fit: no later one is kept, so that those that are have no gaps.
    full: BTreeSet<Class>,
    /// What the changes of each component take, by its place and its id.
    changes: BTreeMap<(String, String), usize>,
}

/// What a line is about, the least important first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Read,
    Change,
    Frame,
}

impl Kept {
    /// Takes a line with so many bytes, where it is to be kept.
    pub(crate) fn add(&mut self, line: &Line, bytes: usize) {
        let class = match &line.entry {
            // The first and the last say what ran, how it ended, and how many there are.
            Entry::Start(_) | Entry::End(_) => return self.keep(line, bytes),
            Entry::In(_) => Class::Read,
            Entry::Call(call) if !call.function.changes() => Class::Read,
            Entry::Call(_) => Class::Change,
            Entry::Component(_) | Entry::Out(_) | Entry::Dropped(_) => Class::Frame,
        };
        let allowed = match class {
            Class::Read => MAX_BYTES - FOR_CHANGES - FOR_FRAME,
            Class::Change => MAX_BYTES - FOR_FRAME,
            Class::Frame => MAX_BYTES,
        };
        if self.bytes.saturating_add(bytes) > allowed {
            self.full.insert(class);
        }
        if self.full.contains(&class) {
            return;
        }
        if let Entry::Call(call) = &line.entry
            && class == Class::Change
        {
            let taken = self.changes.entry((call.place.clone(), call.component.clone())).or_default();
            *taken = taken.saturating_add(bytes);
            if *taken > OF_ONE {
                return;
            }
        }
        self.keep(line, bytes);
    }

    fn keep(&mut self, line: &Line, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.lines.push(line.clone());
    }

    /// These lines.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }
}
