//! Names that come from a component, checked once.

use std::fmt;

/// The longest path, in bytes.
const MAX_LENGTH: usize = 4_096;
/// The most parts of a path.
const MAX_PARTS: usize = 128;
/// The longest part, in bytes; no file system here has longer names.
const MAX_PART: usize = 255;

/// A path below a directory: parts that are names, none of them able to lead out. The empty path is the
/// directory itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ComponentPath(String);

/// Why a text is no such path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("the path is longer than {MAX_LENGTH} bytes or has more than {MAX_PARTS} parts")]
    Length,
    #[error("the path is absolute, ends in a slash or has an empty part")]
    EmptyPart,
    #[error("the path has a part . or ..")]
    Dots,
    #[error("the path has a part longer than {MAX_PART} bytes")]
    Part,
    #[error("the path has a control character or a backslash in it")]
    Character,
    #[error("the path is empty")]
    Empty,
}

impl ComponentPath {
    /// Checks a path.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_LENGTH {
            return Err(PathError::Length);
        }
        if text.is_empty() {
            return Ok(Self(String::new()));
        }
        let mut parts = 0;
        for part in text.split('/') {
            parts += 1;
            match part {
                "" => return Err(PathError::EmptyPart),
                "." | ".." => return Err(PathError::Dots),
                _ if part.len() > MAX_PART => return Err(PathError::Part),
                _ if part.chars().any(|c| c.is_control() || c == '\\') => return Err(PathError::Character),
                _ => {}
            }
        }
        match parts > MAX_PARTS {
            true => Err(PathError::Length),
            false => Ok(Self(text.to_owned())),
        }
    }

    /// Checks the path of something inside a directory.
    pub(crate) fn parse_entry(text: &str) -> Result<Self, PathError> {
        match text.is_empty() {
            true => Err(PathError::Empty),
            false => Self::parse(text),
        }
    }

    /// Whether it is the directory itself.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The names that it is made of.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// What is before the last name, and that name.
    pub(crate) fn split_last(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// The path of `inner` below this one.
    pub(crate) fn join(&self, inner: &Self) -> Self {
        match (self.is_root(), inner.is_root()) {
            (true, _) => inner.clone(),
            (_, true) => self.clone(),
            _ => Self(format!("{}/{}", self.0, inner.0)),
        }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ComponentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_out_of_a_directory_is_no_path() {
        use PathError as E;
        let long = "a/".repeat(10_000) + "a";
        let many = "a/".repeat(200) + "a";
        let name = "a".repeat(256);
        for (text, error) in [
            ("..", E::Dots),
            ("a/../b", E::Dots),
            ("./a", E::Dots),
            ("/etc/passwd", E::EmptyPart),
            ("a//b", E::EmptyPart),
            ("a/", E::EmptyPart),
            ("a\0b", E::Character),
            ("a\nb", E::Character),
            ("a\\..\\b", E::Character),
            (&long, E::Length),
            (&many, E::Length),
            (&name, E::Part),
        ] {
            assert_eq!(ComponentPath::parse(text), Err(error), "{text:.40}");
        }
        assert_eq!(ComponentPath::parse_entry(""), Err(E::Empty));
    }

    #[test]
    fn ordinary_names_are_paths() {
        for text in ["", "a", "a/b.c", "%2e%2e", "COM1", "...", "übung/ß", " "] {
            assert_eq!(ComponentPath::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(ComponentPath::parse("a/b/c").unwrap().split_last(), ("a/b", "c"));
    }
}
