//! Reading a dict entry by entry, for one that would be too much as values all at once.

use jiter::{Jiter, JiterError};

use crate::{ParseError, parse::no_text};

/// Shows `entry` each key and the text of its value, in their order; a key that comes twice is shown twice.
/// The texts are JSON.
///
/// ```
/// let mut sizes = Vec::new();
/// python_json::each_entry(r#"{"a": [NaN, 1], "b": {}}"#, |key, json| -> Result<_, python_json::ParseError> {
///     sizes.push((key.to_owned(), json.len()));
///     Ok(())
/// })?;
/// assert_eq!(sizes, [("a".to_owned(), 8), ("b".to_owned(), 2)]);
/// # Ok::<(), python_json::ParseError>(())
/// ```
///
/// # Errors
///
/// Where the text is no JSON, or no dict; those of `entry`. What stands before was shown then.
pub fn each_entry<'t, E: From<ParseError>>(
    text: &'t str,
    mut entry: impl FnMut(&str, &'t str) -> Result<(), E>,
) -> Result<(), E> {
    let wrong = |error: JiterError| E::from(error.into());
    let mut jiter = Jiter::new(text.as_bytes()).with_allow_inf_nan();
    let mut next = jiter.next_object().map_err(wrong)?.map(str::to_owned);
    while let Some(key) = next {
        let value = value(&mut jiter, text)?;
        entry(&key, value)?;
        next = jiter.next_key().map_err(wrong)?.map(str::to_owned);
    }
    jiter.finish().map_err(wrong)
}

/// Shows `item` the text of each item of a list.
///
/// # Errors
///
/// As [`each_entry`]'s, for a list.
pub fn each_item<'t, E: From<ParseError>>(
    text: &'t str,
    mut item: impl FnMut(&'t str) -> Result<(), E>,
) -> Result<(), E> {
    let wrong = |error: JiterError| E::from(error.into());
    let mut jiter = Jiter::new(text.as_bytes()).with_allow_inf_nan();
    let mut next = jiter.next_array().map_err(wrong)?;
    while next.is_some() {
        item(value(&mut jiter, text)?)?;
        next = jiter.array_step().map_err(wrong)?;
    }
    jiter.finish().map_err(wrong)
}

/// The text of the value that comes next.
fn value<'t>(jiter: &mut Jiter<'_>, text: &'t str) -> Result<&'t str, ParseError> {
    let start = jiter.current_index();
    jiter.next_skip()?;
    // A value starts and ends with ASCII.
    text.get(start..jiter.current_index()).map(str::trim_ascii).ok_or_else(|| no_text(start))
}
