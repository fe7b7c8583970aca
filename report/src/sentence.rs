//! Sentences with names in them that someone else chose.

use std::fmt;

use crate::text::visible;

/// The longest name in a sentence, in characters.
const MAX_NAME: usize = 80;

/// The longest reason in a sentence, in characters.
const MAX_REASON: usize = 300;

/// A sentence. Its [`Display`](fmt::Display) is safe for a terminal: nothing hidden is in it, and nothing is long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Piece>);

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words of this program.
    Text(String),
    /// A name or reason from elsewhere, made visible and cut.
    Name(String),
}

impl Sentence {
    /// One that begins with these words.
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// With more words.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    /// With a name.
    pub(crate) fn name(mut self, name: &str) -> Self {
        let shown = if name.is_empty() { "(no name)".to_owned() } else { visible(name, MAX_NAME) };
        self.0.push(Piece::Name(shown));
        self
    }

    /// With a reason.
    pub(crate) fn reason(mut self, reason: &str) -> Self {
        self.0.push(Piece::Name(visible(reason.trim_end_matches('.'), MAX_REASON)));
        self
    }

    /// With names: `a, b and c`; of more than `most` the number of the others.
    pub(crate) fn names<'a>(mut self, names: impl IntoIterator<Item = &'a str>, most: usize) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let shown = names.len().min(most);
        for (index, name) in names.iter().take(shown).enumerate() {
            let last = index + 1 == shown && shown == names.len();
            self = match index {
                0 => self,
                _ if last => self.text(" and "),
                _ => self.text(", "),
            };
            self = self.name(name);
        }
        match names.len() - shown {
            0 => self,
            more => self.text(format!(" and {} more", crate::text::count(more as u64))),
        }
    }

    /// Its parts, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) | Piece::Name(text) => f.write_str(text),
        })
    }
}
