//! Names that come from a component, checked once.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Whether a file of this name is one in the making, or was when the process ended: no component sees it.
pub(crate) fn is_staged(name: &str) -> bool {
    name.starts_with(".flip-wasm-") && name.ends_with(".tmp")
}

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
    #[error("the path has a part that names a file in the making")]
    Staged,
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
                _ if is_staged(part) => return Err(PathError::Staged),
                _ => {}
            }
        }
        match parts > MAX_PARTS {
            true => Err(PathError::Length),
            false => Ok(Self(text.to_owned())),
        }
    }

    /// Checks a path that somebody has written by hand: `./a/` is `a` here, and `.` the directory itself.
    pub(crate) fn parse_written(text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::EmptyPart);
        }
        let parts: Vec<_> = text.trim_end_matches('/').split('/').filter(|part| *part != ".").collect();
        Self::parse(&parts.join("/"))
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

    /// No more of it than is worth a handle, for whoever only has to name what is over: the last name, where all of it
    /// would be longer.
    pub(crate) fn shortened(&self) -> Self {
        match self.0.len() {
            0..=MAX_PART => self.clone(),
            _ => Self(format!("…/{}", self.split_last().1)),
        }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that nothing has yet, to go before an ending. The number of the process would not do: in a
/// container it is the same each time, and a run that was killed leaves files behind.
pub(crate) fn unused_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".flip-wasm-{:016x}", RandomState::new().hash_one(number))
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
            ("a/.flip-wasm-1-1.tmp", E::Staged),
        ] {
            assert_eq!(ComponentPath::parse(text), Err(error), "{text:.40}");
        }
        assert_eq!(ComponentPath::parse_entry(""), Err(E::Empty));
    }

    #[test]
    fn a_path_that_was_written_by_hand_may_have_parts_that_say_nothing() {
        for (text, path) in
            [("", ""), (".", ""), ("./", ""), ("./a/", "a"), ("a/./b", "a/b"), ("a/.", "a"), ("a", "a")]
        {
            assert_eq!(ComponentPath::parse_written(text).unwrap().as_str(), path, "{text}");
        }
        for text in ["/", "/.", "/a", "//", "..", "./..", "a/../..", "a//b"] {
            ComponentPath::parse_written(text).unwrap_err();
        }
    }

    #[test]
    fn ordinary_names_are_paths() {
        for text in ["", "a", "a/b.c", "%2e%2e", "COM1", "...", "übung/ß", " "] {
            assert_eq!(ComponentPath::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(ComponentPath::parse("a/b/c").unwrap().split_last(), ("a/b", "c"));
    }

    #[test]
    fn of_a_long_path_the_last_name_is_kept() {
        let short = ComponentPath::parse("a/b").unwrap();
        assert_eq!(short.shortened(), short);
        let long = ComponentPath::parse(&["a".repeat(255).as_str(); 10].join("/")).unwrap();
        assert_eq!(long.shortened().as_str(), format!("…/{}", "a".repeat(255)));
    }
}
