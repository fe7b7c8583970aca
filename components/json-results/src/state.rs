//! What a generator remembers, as one JSON object, by the names of the reference's attributes.
//!
//! A state is set by whoever embeds the component, but what it says came from sites: it is read piece by
//! piece, and bounded as results are.

use python_json::{ParseError, Value, each_entry, each_item};

use crate::failures::Failures;
use crate::kept::{Full, Kept};
use crate::limits::{ENTRY, MAX_FAILURES, MAX_STATE, MAX_VALUE};
use crate::{Evaluation, Validation};

const VAL_RESULTS: &str = "_val_results";
const EVAL_RESULTS: &str = "_eval_results";
const EVAL_FAILURES: &str = "_eval_failures";

/// Why a text is no state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    /// More than anything that is kept.
    #[error("it is {len} bytes long, more than {MAX_STATE}")]
    TooLong {
        /// Its bytes.
        len: usize,
    },
    /// A value in it is more than any that is received.
    #[error("a value in it is {len} bytes long, more than {MAX_VALUE}")]
    LongValue {
        /// Its bytes, spaces aside.
        len: usize,
    },
    /// It is no JSON, or of another shape.
    #[error("not readable: {0}")]
    NotReadable(#[from] ParseError),
    /// Something of it is of another shape.
    #[error("{at} is no {wanted}")]
    Shape {
        /// Where.
        at: String,
        /// What should be there.
        wanted: &'static str,
    },
    /// A key is missing.
    #[error("it has no {0:?}")]
    Missing(&'static str),
    /// A key that is none of a state.
    #[error("it has {0:?}, which is unknown")]
    Unknown(String),
    /// There is no room.
    #[error(transparent)]
    Full(#[from] Full),
}

impl Validation {
    /// What it remembers: `_val_results`, by data client and model owner.
    pub fn state(&self) -> String {
        let mut state = start(&self.0, VAL_RESULTS, 0);
        state.push('}');
        state
    }

    /// Replaces what it remembers.
    ///
    /// # Errors
    ///
    /// Where it is no such state, or more than is ever kept; nothing has changed then.
    pub fn restore(&mut self, state: &str) -> Result<(), StateError> {
        let [results] = keys(state, [VAL_RESULTS])?;
        let mut kept = self.0.none();
        read_results(&mut kept, VAL_RESULTS, results)?;
        self.0 = kept;
        Ok(())
    }
}

impl Evaluation {
    /// What it remembers: `_eval_results`, by data client, and the list `_eval_failures`.
    pub fn state(&self) -> String {
        let failures = self.failures_json();
        let mut state = start(&self.results, EVAL_RESULTS, failures.len());
        state.extend([", \"", EVAL_FAILURES, "\": ", &failures, "}"]);
        state
    }

    /// Replaces what it remembers.
    ///
    /// # Errors
    ///
    /// Where it is no such state, or more than is ever kept; nothing has changed then.
    pub fn restore(&mut self, state: &str) -> Result<(), StateError> {
        let [results, failures] = keys(state, [EVAL_RESULTS, EVAL_FAILURES])?;
        let mut kept = self.results.none();
        read_results(&mut kept, EVAL_RESULTS, results)?;
        let mut failed = Failures::new(kept.layout());
        read_failures(&mut failed, failures)?;
        *self = Self { results: kept, failures: failed };
        Ok(())
    }
}

/// The start of a state, with these results, and room for so many bytes more.
fn start(results: &Kept, key: &str, more: usize) -> String {
    // As much at most: growing would take as much again.
    let mut state = String::with_capacity(results.cost() + more + ENTRY);
    state.extend(["{\"", key, "\": "]);
    results.write(&mut state);
    state
}

/// The values of a state's keys: these, and no others.
fn keys<'t, const N: usize>(state: &'t str, names: [&'static str; N]) -> Result<[&'t str; N], StateError> {
    if state.len() > MAX_STATE {
        return Err(StateError::TooLong { len: state.len() });
    }
    let mut found = [None; N];
    each_entry(state, |key, json| {
        let place = names.iter().zip(&mut found).find(|(name, _)| **name == key);
        let (_, place) = place.ok_or_else(|| StateError::Unknown(key.chars().take(100).collect()))?;
        *place = Some(json);
        Ok::<_, StateError>(())
    })?;
    let mut values = [""; N];
    for ((value, found), name) in values.iter_mut().zip(found).zip(names) {
        *value = found.ok_or(StateError::Missing(name))?;
    }
    Ok(values)
}

/// Keeps results that are a dict of dicts. What the inner ones hold is for the file alone.
fn read_results(kept: &mut Kept, name: &'static str, results: &str) -> Result<(), StateError> {
    shape(results, '{', || name.to_owned(), "dict")?;
    each_entry(results, |client, entries| {
        let of_client = || format!("{name}[{:?}]", client.chars().take(100).collect::<String>());
        shape(entries, '{', of_client, "dict")?;
        // Also what a client had that comes twice.
        kept.replace(client, &python_json::Dict::default())?;
        each_entry(entries, |key, json| Ok(kept.insert(client, key, &value(json)?)?))
    })
}

/// A value that a result holds. Reading takes memory by what stands in it, not by its indents.
fn value(json: &str) -> Result<Value, StateError> {
    let len = json.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    match len > MAX_VALUE {
        true => Err(StateError::LongValue { len }),
        false => Ok(Value::parse(json)?),
    }
}

/// Keeps failures that are a list of dicts.
fn read_failures(failed: &mut Failures, failures: &str) -> Result<(), StateError> {
    shape(failures, '[', || EVAL_FAILURES.to_owned(), "list")?;
    if failures.len() > MAX_FAILURES {
        return Err(Full { allowed: MAX_FAILURES }.into());
    }
    each_item(failures, |failure| {
        shape(failure, '{', || format!("{EVAL_FAILURES}[{}]", failed.len()), "dict")?;
        Ok(failed.push(&Value::parse(failure)?)?)
    })
}

/// Fails where a JSON text does not start like what should be there.
fn shape(json: &str, first: char, at: impl Fn() -> String, wanted: &'static str) -> Result<(), StateError> {
    match json.starts_with(first) {
        true => Ok(()),
        false => Err(StateError::Shape { at: at(), wanted }),
    }
}
