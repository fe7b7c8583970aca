//! Reading: jiter tells the tokens, this makes values of them.

use jiter::{Jiter, JiterError, Peek};

use crate::{Dict, Int, Value};

/// How deep lists and dicts may nest: values are read, written and dropped by recursion.
pub const MAX_DEPTH: usize = 128;

/// Why a text could not be read, and the byte where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No JSON.
    #[error("{reason} at byte {position}")]
    Syntax {
        /// What is wrong.
        reason: String,
        /// Where.
        position: usize,
    },
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} at byte {position}")]
    TooDeep {
        /// Where.
        position: usize,
    },
}

impl From<JiterError> for ParseError {
    fn from(error: JiterError) -> Self {
        Self::Syntax { reason: error.error_type.to_string(), position: error.index }
    }
}

/// A value that is cut in the middle of a character; there is none.
pub fn no_text(position: usize) -> ParseError {
    ParseError::Syntax { reason: "no text".to_owned(), position }
}

pub fn parse(text: &str) -> Result<Value, ParseError> {
    let mut jiter = Jiter::new(text.as_bytes()).with_allow_inf_nan();
    let first = jiter.peek()?;
    let value = value(&mut jiter, first, MAX_DEPTH)?;
    jiter.finish()?;
    Ok(value)
}

/// Reads the value that starts with `first`, where so many levels of nesting are left.
fn value(jiter: &mut Jiter<'_>, first: Peek, levels: usize) -> Result<Value, ParseError> {
    Ok(match first {
        Peek::Null => {
            jiter.known_null()?;
            Value::None
        }
        Peek::True | Peek::False => Value::Bool(jiter.known_bool(first)?),
        Peek::String => Value::Str(jiter.known_str()?.to_owned()),
        Peek::Array => Value::List(list(jiter, deeper(jiter, levels)?)?),
        Peek::Object => Value::Dict(dict(jiter, deeper(jiter, levels)?)?),
        _ => number(jiter, first)?,
    })
}

fn deeper(jiter: &Jiter<'_>, levels: usize) -> Result<usize, ParseError> {
    levels.checked_sub(1).ok_or_else(|| ParseError::TooDeep { position: jiter.current_index() })
}

fn list(jiter: &mut Jiter<'_>, levels: usize) -> Result<Vec<Value>, ParseError> {
    let mut items = Vec::new();
    let mut next = jiter.known_array()?;
    while let Some(first) = next {
        items.push(value(jiter, first, levels)?);
        next = jiter.array_step()?;
    }
    // A text can hold many short lists.
    items.shrink_to_fit();
    Ok(items)
}

fn dict(jiter: &mut Jiter<'_>, levels: usize) -> Result<Dict, ParseError> {
    let mut pairs = Vec::new();
    let mut next = jiter.known_object()?.map(str::to_owned);
    while let Some(key) = next {
        let first = jiter.peek()?;
        pairs.push((key, value(jiter, first, levels)?));
        next = jiter.next_key()?.map(str::to_owned);
    }
    Ok(pairs.into_iter().collect())
}

fn number(jiter: &mut Jiter<'_>, first: Peek) -> Result<Value, ParseError> {
    let position = jiter.current_index();
    let wrong = || ParseError::Syntax { reason: "invalid number".to_owned(), position };
    let text = str::from_utf8(jiter.known_number_bytes(first)?).map_err(|_| wrong())?;
    Ok(match text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit()) {
        // Like Python's, an integer has no negative zero.
        true => Value::Int(Int::from_digits(text)),
        // Rust's floats take JSON's numbers and the three literals by these names, round correctly, and
        // become infinite where a number is too large.
        false => Value::Float(text.parse().map_err(|_| wrong())?),
    })
}
