//! Pickles: a decoder of the allowed opcodes, a machine that runs them, and the arena of what they make.
//! Nothing of Python is ever called: the few allowed globals are data to the machine.

pub(crate) mod arena;
mod calls;
mod machine;
mod opcodes;

use crate::error::{Error, Invalid};
use crate::limits::MAX_PICKLE;
use crate::source::{Source, read_exact};
use arena::Loaded;
use machine::{Machine, Progress};

/// Runs the pickle that begins at `start` and must end before `end`; also answers where it ended.
/// It is read piece by piece: in the legacy stream nothing says how long it is.
pub(crate) fn load<S: Source>(
    source: &mut S,
    start: u64,
    end: u64,
) -> Result<(Loaded, u64), Error<S::Error>> {
    const FIRST: usize = 4096;
    let mut data = Vec::new();
    let mut machine = Machine::new(start);
    let mut needed = 1;
    loop {
        if needed > MAX_PICKLE {
            let what = "bytes of a pickle".to_owned();
            return Err(Invalid::TooLarge { what, size: needed as u64, limit: MAX_PICKLE as u64 }.into());
        }
        let room = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        if needed > room {
            let what = format!("a pickle, in {},", machine.last_opcode());
            return Err(Invalid::Truncated { what, offset: start, needed: needed as u64, end }.into());
        }
        let wanted = needed.max(FIRST).max(data.len().saturating_mul(2)).min(room).min(MAX_PICKLE);
        let offset = start.saturating_add(data.len() as u64);
        read_exact(source, "a pickle", offset, wanted.saturating_sub(data.len()), &mut data)?;
        match machine.run(&data)? {
            Progress::More(total) => needed = total,
            Progress::Done { root, end } => {
                return Ok((
                    Loaded { data, arena: machine.into_arena(), root },
                    start.saturating_add(end as u64),
                ));
            }
        }
    }
}
