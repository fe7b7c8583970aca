//! The reader of a trail, which trusts nothing in it.

use std::io::{self, BufRead, Read};

use super::chain::{SEAL, sealed};
use super::entry::{Entry, Line};
use super::summary::Checked;
use crate::inspect::Digest;

/// The longest line, in bytes: that of a component with many grants.
const MAX_LINE: u64 = 1 << 20;

/// Why a file is not a complete and unaltered trail.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Altered {
    /// The first line that is wrong, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The file cannot be read on.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is longer than any that is written.
    #[error("is longer than {MAX_LINE} bytes")]
    Long,
    /// The file ends without an `end`.
    #[error("is missing: the file ends without an end entry")]
    Missing,
    /// The file ends within it.
    #[error("is cut: it has no line end")]
    Cut,
    /// It is not what flip-wasm writes.
    #[error("is no entry of an audit trail: {0}")]
    Invalid(String),
    /// It says the same as a line that flip-wasm writes, in other letters.
    #[error("is not written as flip-wasm writes it")]
    Rewritten,
    /// A line was removed, added or moved.
    #[error("has the number {found} where {expected} comes next: a line was removed, added or moved")]
    Number {
        /// The number that it has.
        found: u64,
        /// The number that comes next.
        expected: u64,
    },
    /// It follows another line than the one before it.
    #[error("does not follow from the line before it: one of the two was altered")]
    Chain,
    /// The first line is no `start`, or a later one is.
    #[error("a start entry must be the first, and only the first")]
    Start,
    /// The last line was altered.
    #[error("is the end entry, and was altered: its seal does not fit")]
    Seal,
    /// The `end` counts other lines.
    #[error("counts {counted} entries where there are {found}")]
    Count {
        /// What it says.
        counted: u64,
        /// What there is.
        found: u64,
    },
    /// Something follows the `end`.
    #[error("follows the end entry")]
    Behind,
}

/// Checks that a trail is complete and unaltered; says what stands in it. It is read once, a line at a time.
///
/// # Errors
///
/// [`Altered`] names the first line that is wrong.
pub fn check(file: impl BufRead) -> Result<Checked, Altered> {
    check_each(file, |_| ())
}

/// Checks a trail, and shows each line of it.
///
/// # Errors
///
/// As [`check`]; lines before the wrong one have been shown.
pub fn check_each(file: impl BufRead, mut each: impl FnMut(&Line)) -> Result<Checked, Altered> {
    let mut checked = Checked::new();
    let (digest, entries) = follow(file, |line, _| {
        each(&line);
        checked.add(line);
    })?;
    Ok(Checked { digest, entries, ..checked })
}

/// Checks a trail, and gives each line of it with its size in bytes. Nothing is kept.
pub(crate) fn follow(
    mut file: impl BufRead,
    mut each: impl FnMut(Line, usize),
) -> Result<(Digest, u64), Altered> {
    let mut chain = Chain { next: 0, previous: Digest::of(b""), ended: false };
    let mut bytes = Vec::new();
    loop {
        let line = chain.next.saturating_add(1);
        let at = |what| Altered { line, what };
        bytes.clear();
        // One more than a line may have, and its end.
        let mut limited = (&mut file).take(MAX_LINE + 2);
        limited.read_until(b'\n', &mut bytes).map_err(|error| at(error.into()))?;
        if bytes.is_empty() {
            return match chain.ended {
                true => Ok((chain.previous, chain.next)),
                false => Err(at(Wrong::Missing)),
            };
        }
        let line = text(&bytes).and_then(|text| chain.follow(text)).map_err(at)?;
        each(line, bytes.len());
    }
}

/// The text of a line.
fn text(bytes: &[u8]) -> Result<&str, Wrong> {
    let line = bytes.strip_suffix(b"\n");
    if line.unwrap_or(bytes).len() as u64 > MAX_LINE {
        return Err(Wrong::Long);
    }
    std::str::from_utf8(line.ok_or(Wrong::Cut)?).map_err(|error| Wrong::Invalid(error.to_string()))
}

struct Chain {
    next: u64,
    previous: Digest,
    ended: bool,
}

impl Chain {
    /// Takes the next line.
    fn follow(&mut self, text: &str) -> Result<Line, Wrong> {
        if self.ended {
            return Err(Wrong::Behind);
        }
        let seal = text.rsplit_once(SEAL);
        let plain = seal.map(|(line, _)| format!("{line}}}"));
        let plain = plain.as_deref().unwrap_or(text);
        let line: Line = serde_json::from_str(plain).map_err(|error| Wrong::Invalid(reason(&error)))?;
        let is_end = matches!(line.entry, Entry::End(_));
        // The same in other letters would have another digest, and the last line has none behind it.
        if serde_json::to_string(&line).ok().as_deref() != Some(plain) || (seal.is_some() && !is_end) {
            return Err(Wrong::Rewritten);
        }
        if line.seq != self.next {
            return Err(Wrong::Number { found: line.seq, expected: self.next });
        }
        if line.previous != self.previous {
            return Err(Wrong::Chain);
        }
        if matches!(line.entry, Entry::Start(_)) != (self.next == 0) {
            return Err(Wrong::Start);
        }
        self.previous = Digest::of(text.as_bytes());
        self.next = self.next.saturating_add(1);
        if let Entry::End(end) = &line.entry {
            if sealed(plain) != text {
                return Err(Wrong::Seal);
            }
            if end.entries != self.next {
                return Err(Wrong::Count { counted: end.entries, found: self.next });
            }
            self.ended = true;
        }
        Ok(line)
    }
}

/// What the parser says, of a line that anyone may have written.
fn reason(error: &serde_json::Error) -> String {
    super::text(&error.to_string())
}
