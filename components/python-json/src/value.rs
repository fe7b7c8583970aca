//! A value, by Python's names.

use crate::{Dict, Int, Layout, ParseError, Writer, parse};

/// What one JSON text says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction or an exponent.
    Int(Int),
    /// Any other number, NaN and the infinities among them.
    Float(f64),
    /// A text.
    Str(String),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Dict(Dict),
}

impl Value {
    /// Reads one JSON text, as `json.loads`.
    ///
    /// # Errors
    ///
    /// Where the text is none, or is one of those that the crate's documentation names.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text)
    }

    /// Writes the value, as `json.dumps`.
    pub fn to_json(&self, layout: Layout) -> String {
        let mut text = String::new();
        // A String takes whatever is written to it.
        let _ = Writer::new(&mut text, layout).value(self);
        text
    }
}
