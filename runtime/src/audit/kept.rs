//! The lines of a trail that are kept in memory, for a report.

use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeMap, BTreeSet};

use super::entry::{CallEntry, DeletedEntry, Entry, Function, Line, MAX_TEXT, Outcome};

/// The most that is kept, in bytes of the file.
const MAX_BYTES: usize = 16 << 20;
/// Of these, how many are for what changed something: no flood of reads keeps that out of a report.
const FOR_CHANGES: usize = 8 << 20;
/// How many are for what ran, and what left: no flood of changes keeps that out.
const FOR_FRAME: usize = 4 << 20;
/// How many one component's changes may take: its flood keeps nobody else's out.
const OF_ONE: usize = 1 << 20;
/// The most sums of calls that are not kept: some components, every function, every outcome.
const MAX_SUMS: usize = 10_000;

/// What is kept of a trail: all lines of a short one; of a long one the first of each class, and sums of the calls
/// in the others.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    lines: Vec<Line>,
    besides: BTreeMap<(String, String, Function, Outcome), Besides>,
    bytes: usize,
    /// The classes of which a line did not fit: no later one is kept, so that those that are have no gaps.
    full: BTreeSet<Class>,
    /// What the changes of each component take, by its place and its id.
    changes: BTreeMap<(String, String), usize>,
}

/// Calls of one function of one component that ended alike, of which the lines are not kept.
#[derive(Clone, Debug)]
pub struct Besides {
    /// All of them as one, which touched nothing that is named.
    pub call: CallEntry,
    /// The number of their lines.
    pub lines: u64,
    /// How many of them deleted something.
    pub deletions: u64,
}

/// What a line is about, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
            Entry::Component(_) | Entry::Out(_) => Class::Frame,
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
            return self.sum(line);
        }
        if let Entry::Call(call) = &line.entry
            && class == Class::Change
            && is_ours(call)
        {
            let taken = self.changes.entry((call.place.clone(), call.component.clone())).or_default();
            *taken = taken.saturating_add(bytes);
            if *taken > OF_ONE {
                return self.sum(line);
            }
        }
        self.keep(line, bytes);
    }

    fn keep(&mut self, line: &Line, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.lines.push(line.clone());
    }

    /// Adds a line that is not kept to the sum of those like it.
    fn sum(&mut self, line: &Line) {
        let Entry::Call(call) = &line.entry else { return };
        if !is_ours(call) {
            return;
        }
        let key = (call.place.clone(), call.component.clone(), call.function, call.outcome);
        let full = self.besides.len() >= MAX_SUMS;
        match self.besides.entry(key) {
            Vacant(free) if !full => {
                let call = CallEntry { touched: String::new(), to: None, sha256: None, ..call.clone() };
                free.insert(Besides { deletions: deletions(&call), call, lines: 1 });
            }
            Vacant(_) => {}
            Occupied(mut known) => known.get_mut().add(call),
        }
    }

    /// The lines that are kept.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What the other lines say of calls.
    pub fn besides(&self) -> impl Iterator<Item = &Besides> {
        self.besides.values()
    }
}

impl Besides {
    fn add(&mut self, more: &CallEntry) {
        self.lines = self.lines.saturating_add(1);
        self.deletions = self.deletions.saturating_add(deletions(more));
        let Self { call, .. } = self;
        call.calls = call.calls.saturating_add(more.calls);
        call.read = call.read.saturating_add(more.read);
        call.written = call.written.saturating_add(more.written);
        call.deleted = match (call.deleted, more.deleted) {
            (Some(one), Some(other)) => Some(DeletedEntry {
                files: one.files.saturating_add(other.files),
                directories: one.directories.saturating_add(other.directories),
                bytes: one.bytes.saturating_add(other.bytes),
            }),
            (one, other) => one.or(other),
        };
    }
}

/// How many deletions a line tells of: one that found nothing is none.
fn deletions(call: &CallEntry) -> u64 {
    u64::from(call.deleted.is_some_and(|deleted| deleted.files.max(deleted.directories) > 0))
}

/// Whether this host may have written it: no trail makes a reader remember names without end.
fn is_ours(call: &CallEntry) -> bool {
    call.place.len().max(call.component.len()) <= MAX_TEXT
}
