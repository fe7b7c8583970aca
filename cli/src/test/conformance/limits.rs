//! Checks of what a component uses, and of what it does where it may use next to nothing.

use serde_json::json;

use super::checks::standard;
use super::{Subject, data, ended_by_the_host, scenario};
use crate::test::compare::shown;
use crate::test::expected::Gives;
use crate::test::runner::Ended;

/// What [`memory`] checks.
pub const MEMORY: &str = "it needs little memory, also for a large update";
/// What [`limits`] checks.
pub const LIMITS: &str = "where a limit is reached it ends, without a trap, and lets nothing else out";

/// The most memory of the calls of every role with small data, in bytes: an interpreter needs some tens of MiB.
const SMALL: u64 = 128 << 20;
/// The elements of a large update: 64 MiB of float32.
const LARGE: u64 = 16 << 20;
/// How much more a filter may need for so much more data, in bytes: a quarter of it.
const MORE: u64 = 16 << 20;

/// Limits that leave next to nothing, each alone. The host tells a component when it reaches one of these, and leaves
/// it to the component how to end; at the others it ends it by itself, whatever the component does.
const TIGHT: [(&str, u64); 11] = [
    ("handles", 3),
    ("handles", 5),
    ("host-bytes", 64),
    ("events", 0),
    ("files", 0),
    ("file-bytes", 1),
    ("upload-bytes", 1),
    ("archive-entries", 0),
    ("archive-depth", 0),
    ("store-calls", 0),
    ("hub-calls", 0),
];

pub fn memory(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let small = subject.observe(&standard(subject)?)?.usage.peak_memory;
    if small > SMALL {
        found.push(format!("{small} bytes for small data, and not at most {SMALL}"));
    }
    if !subject.has("dxo-filter") {
        return Ok(found);
    }
    for kind in scenario::kinds(subject)? {
        // An interpreter may let garbage pile up once, and not again.
        let (mut before, mut more) = (small, 0);
        for elements in [LARGE, 2 * LARGE] {
            let calls = vec![scenario::filtering(data::large(kind, elements))];
            let observed = subject.observe(&scenario::case(subject, calls))?;
            found.extend(ended_by_the_host(&observed).into_iter().map(|why| format!("{kind}: {why}")));
            more = observed.usage.peak_memory.saturating_sub(before);
            before = observed.usage.peak_memory;
            if more <= MORE {
                break;
            }
        }
        if more > MORE {
            found.push(format!("{kind}: {more} bytes more for an update that is larger by {}", LARGE * 4));
        }
    }
    Ok(found)
}

pub fn limits(subject: &Subject<'_>) -> anyhow::Result<Vec<String>> {
    let case = standard(subject)?;
    let ordinary = subject.observe(&case)?;
    let mut found = Vec::new();
    for (limit, allowed) in TIGHT {
        let mut observed = subject.observe(&subject.limited(&case, limit, json!(allowed))?)?;
        let reached = |ended: &Ended| matches!(ended, Ended::Plain(Gives::Limit(name)) if name == limit);
        // The host ended it by itself: no later call was made.
        if let Some(end) = observed.steps.iter().position(|step| reached(&step.ended)) {
            observed.steps.truncate(end);
        }
        let within = format!("with {limit}={allowed}");
        found.extend(ended_by_the_host(&observed).into_iter().map(|why| format!("{within}, {why}")));
        for (number, (step, usual)) in observed.steps.iter().zip(&ordinary.steps).enumerate() {
            if let Some(out) = let_out(&step.ended)?
                && let_out(&usual.ended)?.is_none_or(|usual| usual != out)
            {
                found.push(format!("{within}, call {}: it lets something else out", number + 1));
            }
        }
    }
    Ok(found)
}

/// The data that leaves a filter or a locator, as a text, since one NaN is not equal to another; none where nothing
/// leaves it.
fn let_out(ended: &Ended) -> anyhow::Result<Option<String>> {
    let leaves = match ended {
        Ended::Filtered(_) | Ended::Members(..) | Ended::Model(_) => true,
        Ended::Plain(gives) => matches!(gives, Gives::Unchanged(_) | Gives::PassedBy(_)),
        Ended::Reply(_) => false,
    };
    let gives = leaves.then(|| shown(ended)).transpose().map_err(anyhow::Error::msg)?;
    Ok(gives.map(|gives| serde_saphyr::to_string(&gives)).transpose()?)
}
