//! JSON as Python's json module reads and writes it: what `json.dump` would write of a text that
//! `json.loads` has read, byte for byte.
//!
//! That is RFC 8259, and as numbers also the literals `NaN`, `Infinity` and `-Infinity`, which metrics of
//! a training that diverged are full of. Integers of any size stay what they are, floats are written in
//! their shortest form, a dict keeps the order in which its keys came first and the last value of each.
//!
//! ```
//! use python_json::{Layout, Value};
//!
//! let value = Value::parse(r#"{"loss": 1e-5, "n": 12345678901234567890, "site": "Zürich", "auc": NaN}"#)?;
//! assert_eq!(
//!     value.to_json(Layout::Line),
//!     r#"{"loss": 1e-05, "n": 12345678901234567890, "site": "Z\u00fcrich", "auc": NaN}"#,
//! );
//! # Ok::<(), python_json::ParseError>(())
//! ```
//!
//! The texts come from sites that nobody vouches for. Nesting is bounded by [`MAX_DEPTH`], a value takes
//! at most some ten times the memory of its text, and no hash decides how long reading takes.
//!
//! Two texts that Python reads are errors here: one that nests deeper than [`MAX_DEPTH`], and half of a
//! surrogate pair (`"\ud800"`), which is no Unicode text. Python writes it back as it came; a string of
//! Rust cannot hold it, and a replacement would be another text.

#![forbid(unsafe_code)]

mod dict;
mod entries;
mod int;
mod parse;
mod repr;
mod value;
mod writer;

pub use dict::Dict;
pub use entries::{each_entry, each_item};
pub use int::Int;
pub use parse::{MAX_DEPTH, ParseError};
pub use value::Value;
pub use writer::{Layout, Writer};
