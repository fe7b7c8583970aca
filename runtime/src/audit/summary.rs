//! What a trail that is in order says, in short.

use std::collections::BTreeMap;

use serde::Serialize;

use super::entry::{ComponentEntry, DataEntry, Entry, Function, Interface, Line, Outcome, Start};
use crate::error::Code;
use crate::inspect::Digest;

/// The most components and data that are listed, each.
const MAX_LISTED: usize = 10_000;

/// What stands in a trail that is complete and unaltered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// The digest of the last line, which stands for the whole trail.
    pub digest: Digest,
    /// The number of lines.
    pub entries: u64,
    /// What ran.
    pub start: Option<Start>,
    /// When the first line was written.
    pub started: String,
    /// When the last line was written.
    pub ended: String,
    /// What kind of failure it ended with.
    pub failure: Option<Code>,
    /// The components.
    pub components: Vec<ComponentEntry>,
    /// Their calls.
    pub calls: Vec<CallCount>,
    /// Data that came and went, in order.
    pub data: Vec<DataSeen>,
    /// Components and data that are not listed here.
    pub unlisted: u64,
    #[serde(skip)]
    pub(super) counts: BTreeMap<(Interface, Function, Outcome), usize>,
}

/// Calls that ended alike.
#[derive(Clone, Debug, Serialize)]
pub struct CallCount {
    /// The interface.
    pub interface: Interface,
    /// The function.
    pub function: Function,
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub calls: u64,
    /// The bytes that components got.
    pub read: u64,
    /// The bytes that were written, stored or sent.
    pub written: u64,
    /// The files and links that were deleted.
    pub deleted: u64,
}

/// Data on its way.
#[derive(Clone, Debug, Serialize)]
pub struct DataSeen {
    /// Whether it was on its way out.
    pub out: bool,
    /// The data.
    #[serde(flatten)]
    pub data: DataEntry,
}

impl Checked {
    pub(super) fn new() -> Self {
        Self {
            digest: Digest::of(b""),
            entries: 0,
            start: None,
            started: String::new(),
            ended: String::new(),
            failure: None,
            components: Vec::new(),
            calls: Vec::new(),
            data: Vec::new(),
            unlisted: 0,
            counts: BTreeMap::new(),
        }
    }

    /// Counts a line in.
    pub(super) fn add(&mut self, line: Line) {
        match line.entry {
            Entry::Start(start) => {
                self.start = Some(start);
                self.started = line.time;
            }
            Entry::Component(component) => list(&mut self.components, component, &mut self.unlisted),
            Entry::In(data) => list(&mut self.data, DataSeen { out: false, data }, &mut self.unlisted),
            Entry::Out(data) => list(&mut self.data, DataSeen { out: true, data }, &mut self.unlisted),
            Entry::End(end) => {
                self.failure = end.failure;
                self.ended = line.time;
            }
            Entry::Call(call) => {
                let new = self.calls.len();
                let key = (call.interface, call.function, call.outcome);
                let at = *self.counts.entry(key).or_insert(new);
                if at == new {
                    let (interface, function, outcome) = key;
                    let (calls, read, written, deleted) = (0, 0, 0, 0);
                    self.calls.push(CallCount {
                        interface,
                        function,
                        outcome,
                        calls,
                        read,
                        written,
                        deleted,
                    });
                }
                if let Some(count) = self.calls.get_mut(at) {
                    let deleted = call.deleted.map_or(0, |deleted| deleted.files);
                    for (sum, more) in [
                        (&mut count.calls, call.calls),
                        (&mut count.read, call.read),
                        (&mut count.written, call.written),
                        (&mut count.deleted, deleted),
                    ] {
                        *sum = sum.saturating_add(more);
                    }
                }
            }
        }
    }
}

fn list<T>(listed: &mut Vec<T>, item: T, unlisted: &mut u64) {
    match listed.len() < MAX_LISTED {
        true => listed.push(item),
        false => *unlisted += 1,
    }
}
