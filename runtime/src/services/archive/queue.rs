//! What is to be written, in its order, while threads compress.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::records::{Method, Records};
use super::workers::{Block, Pending, Workers};

/// How many steps are held for each thread: enough that none waits for another, or for the upload.
pub(super) const STEPS_PER_THREAD: usize = 4;

enum Step {
    Directory(String, i64),
    File(String, i64, Method),
    Block(Pending),
}

/// The steps that are yet to be written. There are only so many: one more waits for the first of them.
pub(super) struct Queue<W> {
    records: Records<W>,
    workers: Workers,
    steps: VecDeque<Step>,
    most: usize,
}

impl<W: Write> Queue<W> {
    pub(super) fn new(sink: W, workers: Workers, threads: usize) -> Self {
        let most = threads.saturating_mul(STEPS_PER_THREAD);
        Self { records: Records::new(sink), workers, steps: VecDeque::new(), most }
    }

    pub(super) fn directory(&mut self, name: String, modified: i64) -> io::Result<()> {
        self.push(Step::Directory(name, modified))
    }

    /// Begins a file, whose blocks come next.
    pub(super) fn file(&mut self, name: String, modified: i64, method: Method) -> io::Result<()> {
        self.push(Step::File(name, modified, method))
    }

    pub(super) fn block(&mut self, block: Block) -> io::Result<()> {
        let pending = self.workers.pack(block);
        self.push(Step::Block(pending))
    }

    fn push(&mut self, step: Step) -> io::Result<()> {
        self.steps.push_back(step);
        self.write_to(self.most)
    }

    /// Writes all steps that are left.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        self.write_to(0)
    }

    /// Writes the archive's end.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.drain()?;
        self.records.finish()
    }

    fn write_to(&mut self, most: usize) -> io::Result<()> {
        while self.steps.len() > most {
            let Some(step) = self.steps.pop_front() else { break };
            let written = match step {
                Step::Directory(name, modified) => self.records.directory(name, modified),
                Step::File(name, modified, method) => self.records.file(name, modified, method),
                Step::Block(pending) => pending.wait().and_then(|packed| {
                    let bytes = packed.bytes.get(packed.start..).unwrap_or_default();
                    self.records.data(bytes, &packed.crc)
                }),
            };
            if written.is_err() {
                // Nothing may follow what was written in part.
                self.steps.clear();
            }
            written?;
        }
        Ok(())
    }
}
