//! Integers of any size.

use std::fmt;

/// An integer, kept exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Int(Repr);

/// Every integer has one representation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    Small(i64),
    /// Digits of what is no i64, as Python prints them.
    Big(Box<str>),
}

impl Int {
    /// The integer that these digits say, with a minus sign or none, as JSON allows them.
    pub(crate) fn from_digits(digits: &str) -> Self {
        Self(digits.parse().map_or_else(|_| Repr::Big(digits.into()), Repr::Small))
    }

    /// The integer, where it is small enough.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small(int) => Some(int),
            Repr::Big(_) => None,
        }
    }
}

impl From<i64> for Int {
    fn from(int: i64) -> Self {
        Self(Repr::Small(int))
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(int) => int.fmt(f),
            Repr::Big(digits) => f.pad(digits),
        }
    }
}
