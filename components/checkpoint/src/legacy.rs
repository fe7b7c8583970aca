//! The stream that torch wrote before its version 1.6: five pickles (a magic number, a version, facts about
//! the machine, the object, the keys of its storages), then each storage as a count and its bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::bytes::u64_at;
use crate::dtype::Dtype;
use crate::error::{Error, Invalid, shown};
use crate::limits::MAX_ENTRIES;
use crate::pickle::arena::{Loaded, Node};
use crate::pickle::load;
use crate::source::{Source, read_exact};
use crate::state::State;

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const VERSION: i128 = 1001;

/// Where each storage lies.
pub(crate) type Storages = BTreeMap<String, Range<u64>>;

pub(crate) fn open<S: Source>(source: &mut S) -> Result<(State, Storages), Error<S::Error>> {
    let end = source.size();
    let (magic, at) = load(source, 0, end)?;
    expect(is_int(&magic, MAGIC), "its magic number is another", 0)?;
    let (version, facts_at) = load(source, at, end)?;
    expect(is_int(&version, VERSION), "its version is not 1001", at)?;
    let (facts, at) = load(source, facts_at, end)?;
    check_facts(&facts, facts_at)?;
    let (object, keys_at) = load(source, at, end)?;
    let state = State::of(&object)?;
    drop(object);
    let (keys, at) = load(source, keys_at, end)?;
    let keys = key_list(&keys, keys_at)?;
    let storages = locate(source, &keys, &state, at)?;
    Ok((state, storages))
}

fn expect(is: bool, problem: &'static str, offset: u64) -> Result<(), Invalid> {
    if is { Ok(()) } else { Err(Invalid::Legacy { problem, offset }) }
}

fn is_int(loaded: &Loaded, number: i128) -> bool {
    matches!(loaded.root(), Node::Int(found) if *found == number)
}

fn check_facts(facts: &Loaded, offset: u64) -> Result<(), Invalid> {
    let Node::Dict { items, .. } = facts.root() else {
        return expect(false, "the facts about the machine are no dict", offset);
    };
    let order = items.iter().rev().find(|&&(key, _)| facts.str(key) == Some("little_endian"));
    match order.map(|&(_, value)| facts.get(value)) {
        Some(Node::Bool(true)) => Ok(()),
        Some(Node::Bool(false)) => {
            Err(Invalid::BigEndian { place: format!("the legacy stream at offset {offset}") })
        }
        _ => expect(false, "it does not say whether it is little-endian", offset),
    }
}

fn key_list(keys: &Loaded, offset: u64) -> Result<Vec<String>, Invalid> {
    let Node::List(items) = keys.root() else {
        return Err(Invalid::Legacy { problem: "the keys of the storages are no list", offset });
    };
    let size = items.len() as u64;
    if size > MAX_ENTRIES {
        return Err(Invalid::TooLarge { what: "storages".to_owned(), size, limit: MAX_ENTRIES });
    }
    let texts = items.iter().map(|&id| keys.str(id).map(str::to_owned));
    texts.collect::<Option<_>>().ok_or(Invalid::Legacy { problem: "the key of a storage is no text", offset })
}

/// Walks over the storages. Their sizes are known only from their dtypes, so each must be in the object.
fn locate<S: Source>(
    source: &mut S,
    keys: &[String],
    state: &State,
    mut at: u64,
) -> Result<Storages, Error<S::Error>> {
    let end = source.size();
    let mut found = Storages::new();
    for key in keys {
        let Some(&(dtype, declared)) = state.storages.get(key) else {
            let problem = "the stream has a storage that the object does not name";
            return Err(Invalid::Storage { key: shown(key), problem, declared: 0, found: 0 }.into());
        };
        let mut field = Vec::new();
        read_exact(source, "the count of a storage", at, 8, &mut field)?;
        let count = u64_at(&field, 0).unwrap_or_default();
        if count != declared {
            let problem = "the stream and the pickle count its elements differently";
            return Err(Invalid::Storage { key: shown(key), problem, declared, found: count }.into());
        }
        let start = at.saturating_add(8);
        at = stop(start, count, dtype).filter(|&stop| stop <= end).ok_or_else(|| Invalid::Truncated {
            what: format!("storage '{}'", shown(key)),
            offset: start,
            needed: count.saturating_mul(dtype.size() as u64),
            end,
        })?;
        if found.insert(key.clone(), start..at).is_some() {
            return Err(Invalid::Repeated { what: "storage", name: shown(key) }.into());
        }
    }
    Ok(found)
}

fn stop(start: u64, count: u64, dtype: Dtype) -> Option<u64> {
    start.checked_add(count.checked_mul(dtype.size() as u64)?)
}
