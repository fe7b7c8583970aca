//! JSON as Python's json module reads and writes it.

use std::fmt::{self, Write};

use indexmap::IndexMap;
use jiter::{Jiter, JsonErrorType, JsonType};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::host::log::one_line;

/// The longest name that an error repeats, in bytes.
const MAX_NAME: usize = 200;

/// One JSON text as Python's json module reads and writes it: RFC 8259, and as numbers also the literals
/// `NaN`, `Infinity` and `-Infinity`. The text is kept as it came.
///
/// ```
/// use flip_runtime::Json;
///
/// let metrics = Json::parse(r#"{"loss": NaN, "n": 32}"#)?;
/// let members = metrics.members()?;
/// assert_eq!(members["loss"].text(), "NaN");
/// assert_eq!(members["n"].to::<u32>()?, 32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct InvalidJson {
    reason: String,
    at: usize,
}

impl InvalidJson {
    fn new(reason: impl fmt::Display, at: usize) -> Self {
        Self { reason: reason.to_string(), at }
    }
}

impl From<jiter::JiterError> for InvalidJson {
    fn from(error: jiter::JiterError) -> Self {
        use jiter::JiterErrorType as T;
        match error.error_type {
            T::WrongType { expected: JsonType::Object, .. } => Self::new("not an object", error.index),
            T::JsonError(JsonErrorType::TrailingCharacters) => {
                Self::new("something follows the value", error.index)
            }
            other => Self::new(other, error.index),
        }
    }
}

impl Json {
    /// `null`.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Checks that a text is one JSON value.
    ///
    /// # Errors
    ///
    /// Says where it is none.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, InvalidJson> {
        let text = text.into();
        let mut parser = parser(&text);
        parser.next_skip()?;
        parser.finish()?;
        Ok(Self(text))
    }

    /// The JSON of a value.
    ///
    /// # Errors
    ///
    /// Where it has none, such as a map whose keys are no texts.
    pub fn of(value: &(impl Serialize + ?Sized)) -> serde_json::Result<Self> {
        Ok(Self(serde_json::to_string(value)?.into()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What it stands for.
    ///
    /// # Errors
    ///
    /// Where it is no `T`, or holds a number that RFC 8259 has not.
    pub fn to<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.0)
    }

    /// The members of an object, in their order.
    ///
    /// # Errors
    ///
    /// Where it is no object, or a name comes twice in it.
    pub fn members(&self) -> Result<IndexMap<String, Self>, InvalidJson> {
        members(&self.0)
    }

    /// The object with these members.
    pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a String, &'a Self)>) -> Self {
        Self(Self::object_text(members).into())
    }

    /// The text of the object with these members.
    pub(crate) fn object_text<'a>(members: impl IntoIterator<Item = (&'a String, &'a Self)>) -> String {
        let mut text = "{".to_owned();
        for (name, value) in members {
            let comma = if text.len() > 1 { ", " } else { "" };
            // A text always has a JSON form.
            let _ = write!(text, "{comma}{}: {}", serde_json::Value::from(name.as_str()), value.text());
        }
        text.push('}');
        text
    }
}

/// The members of the object that `text` is; checks the whole of it.
pub(crate) fn members(text: &str) -> Result<IndexMap<String, Json>, InvalidJson> {
    let mut parser = parser(text);
    let mut members = IndexMap::new();
    let mut name = parser.next_object()?.map(str::to_owned);
    while let Some(key) = name {
        let start = parser.current_index();
        parser.next_skip()?;
        let value = std::str::from_utf8(parser.slice_to_current(start))
            .map_err(|_| InvalidJson::new("no text", start))?;
        if members.contains_key(&key) {
            return Err(InvalidJson::new(
                format!("{} comes twice", one_line(&format!("{key:?}"), MAX_NAME)),
                start,
            ));
        }
        members.insert(key, Json(value.trim_ascii().into()));
        name = parser.next_key()?.map(str::to_owned);
    }
    parser.finish()?;
    Ok(members)
}

fn parser(text: &str) -> Jiter<'_> {
    Jiter::new(text.as_bytes()).with_allow_inf_nan()
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails on the literals that RFC 8259 has not.
impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// From a JSON text of RFC 8259.
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(value.get()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_is_read_and_what_it_does_not_read_is_an_error() {
        for text in ["NaN", "-Infinity", "[Infinity, 1e5, -0]", r#"{"a": {"b": [null, true]}}"#, " 1 "] {
            assert!(Json::parse(text).is_ok(), "{text}");
        }
        for text in ["", "nan", "+1", "01", "[1,]", "{,}", "1 2", "'a'", "\"a", "{\"a\"}", "// \n1"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
        assert!(Json::parse("[".repeat(100_000)).is_err());
    }

    #[test]
    fn members_keep_their_text_and_their_order() {
        let object = Json::parse("{ \"b\" : 1.50 , \"a\\n\":[ NaN ] }").unwrap();
        let members = object.members().unwrap();
        let texts: Vec<_> = members.iter().map(|(name, value)| (name.as_str(), value.text())).collect();
        assert_eq!(texts, [("b", "1.50"), ("a\n", "[ NaN ]")]);
        assert_eq!(Json::object_text(&members), r#"{"b": 1.50, "a\n": [ NaN ]}"#);
        assert!(Json::parse("{}").unwrap().members().unwrap().is_empty());
    }

    #[test]
    fn a_name_of_any_length_was_repeated_in_its_error() {
        let name = "\u{202e}x".repeat(100_000);
        let error = members(&format!(r#"{{"{name}": 1, "{name}": 2}}"#)).unwrap_err().to_string();
        assert!(error.len() < 300 && error.starts_with(r#""\u{202e}x"#), "{error}");
    }

    #[test]
    fn members_of_what_is_no_object_or_repeats_a_name_are_an_error() {
        let error = |text: &str| members(text).unwrap_err().to_string();
        assert_eq!(error("[1]"), "not an object at byte 0");
        assert!(error(r#"{"a": 1, "a": 2}"#).starts_with("\"a\" comes twice"));
        assert_eq!(error("{} {}"), "something follows the value at byte 3");
    }
}
