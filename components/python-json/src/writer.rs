//! Writing.

use std::fmt;

use crate::{Value, repr};

/// How a text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// On one line, as `json.dump(value, file)`.
    Line,
    /// An item a line, as `json.dump(value, file, indent=…)` with so many spaces.
    Indent(usize),
}

/// An indent, piece by piece.
const SPACES: &str = "                                ";

/// Writes JSON texts. It stops where the output takes no more: a bounded output bounds what hostile
/// values can become (with an indent, a text can grow to several hundred times its size).
pub struct Writer<W> {
    out: W,
    layout: Layout,
    level: usize,
}

impl<W: fmt::Write> Writer<W> {
    /// Writes to `out`.
    pub fn new(out: W, layout: Layout) -> Self {
        Self { out, layout, level: 0 }
    }

    /// Writes what will stand inside so many lists and dicts.
    #[must_use]
    pub fn inside(self, level: usize) -> Self {
        Self { level, ..self }
    }

    /// A value.
    ///
    /// # Errors
    ///
    /// Those of the output, here and below.
    pub fn value(&mut self, value: &Value) -> fmt::Result {
        match value {
            Value::None => self.out.write_str("null"),
            Value::Bool(bool) => self.out.write_str(if *bool { "true" } else { "false" }),
            Value::Int(int) => write!(self.out, "{int}"),
            Value::Float(float) => repr::float(&mut self.out, *float),
            Value::Str(text) => self.string(text),
            Value::List(items) => self.list(items, Self::value),
            Value::Dict(dict) => self.dict(dict.iter(), Self::value),
        }
    }

    /// A text.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn string(&mut self, text: &str) -> fmt::Result {
        repr::string(&mut self.out, text)
    }

    /// What a writer of the same layout wrote [inside](Self::inside) as many lists and dicts.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn written(&mut self, json: &str) -> fmt::Result {
        self.out.write_str(json)
    }

    /// A list, each item of which `item` writes.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        item: impl FnMut(&mut Self, T) -> fmt::Result,
    ) -> fmt::Result {
        self.items('[', items, item, ']')
    }

    /// A dict, each value of which `value` writes. The keys must differ.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn dict<K: AsRef<str>, T>(
        &mut self,
        entries: impl IntoIterator<Item = (K, T)>,
        mut value: impl FnMut(&mut Self, T) -> fmt::Result,
    ) -> fmt::Result {
        let entry = |writer: &mut Self, (key, entry): (K, T)| {
            writer.string(key.as_ref())?;
            writer.out.write_str(": ")?;
            value(writer, entry)
        };
        self.items('{', entries, entry, '}')
    }

    fn items<T>(
        &mut self,
        open: char,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> fmt::Result,
        close: char,
    ) -> fmt::Result {
        self.out.write_char(open)?;
        let mut items = items.into_iter().peekable();
        let any = items.peek().is_some();
        self.level += 1;
        while let Some(item) = items.next() {
            self.new_line()?;
            write(self, item)?;
            if items.peek().is_some() {
                // On one line, a space stands where the line would break.
                self.out.write_str(if self.layout == Layout::Line { ", " } else { "," })?;
            }
        }
        self.level -= 1;
        if any {
            self.new_line()?;
        }
        self.out.write_char(close)
    }

    fn new_line(&mut self) -> fmt::Result {
        let Layout::Indent(spaces) = self.layout else { return Ok(()) };
        self.out.write_char('\n')?;
        let mut left = spaces.saturating_mul(self.level);
        while left > 0 {
            let some = SPACES.get(..left).unwrap_or(SPACES);
            self.out.write_str(some)?;
            left -= some.len();
        }
        Ok(())
    }
}
