//! Patterns of paths and keys.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::host::log::one_line;
use crate::paths::ComponentPath;

/// A pattern of a path or an object's key, such as `save/*`: it covers what it names, and everything inside.
/// A part `*` stands for any one name, `{job_id}` for the id of the job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Vec<String>);

/// The most of a pattern that an error repeats, in bytes.
const MAX_SHOWN: usize = 200;

/// The part that stands for the id of the job.
const JOB_ID: &str = "{job_id}";

impl Pattern {
    /// The pattern of one path alone; none where a part of it would stand for other names.
    pub(crate) fn of(path: &ComponentPath) -> Option<Self> {
        let parts: Vec<_> = path.parts().map(str::to_owned).collect();
        let is_name = |part: &String| !matches!(part.as_str(), "*" | JOB_ID);
        parts.iter().all(is_name).then_some(Self(parts))
    }

    /// The pattern of everything inside.
    pub(crate) fn inside(mut self) -> Self {
        self.0.push("*".to_owned());
        self
    }

    /// Whether it covers `path`.
    pub(crate) fn covers(&self, path: &ComponentPath, job_id: &str) -> bool {
        let given: Vec<_> = path.parts().collect();
        given.len() >= self.0.len()
            && self.0.iter().zip(given).all(|(pattern, part)| fits(pattern, part, job_id))
    }

    /// Whether it covers what has these parts, or could cover something below that.
    pub(crate) fn meets(&self, parts: &[&str], job_id: &str) -> bool {
        self.0.iter().zip(parts).all(|(pattern, part)| fits(pattern, part, job_id))
    }

    /// Whether it covers everything inside `path`.
    pub(crate) fn covers_inside(&self, path: &ComponentPath, job_id: &str) -> bool {
        match self.0.split_last() {
            // Any name must do.
            Some((last, before)) if last == "*" => Self(before.to_vec()).covers(path, job_id),
            _ => self.covers(path, job_id),
        }
    }
}

/// Whether one part of a pattern covers one part of a path.
fn fits(pattern: &str, part: &str, job_id: &str) -> bool {
    match pattern {
        "*" => true,
        JOB_ID => part == job_id,
        name => part == name,
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = ComponentPath::parse_entry(text)
            .map_err(|reason| format!("{}: {reason}", one_line(&format!("{text:?}"), MAX_SHOWN)))?;
        Ok(Self(path.parts().map(str::to_owned).collect()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, path: &str) -> bool {
        let pattern: Pattern = pattern.parse().unwrap();
        pattern.covers(&ComponentPath::parse(path).unwrap(), "job-1")
    }

    #[test]
    fn a_pattern_covers_what_it_names_and_everything_inside_and_no_sibling() {
        assert!(covers("save/*", "save/a"));
        assert!(covers("save/*", "save/a/b"));
        assert!(!covers("save/*", "save"));
        assert!(!covers("save/*", ""));
        assert!(!covers("save/*", "transfer/a"));
        assert!(covers("{job_id}", "job-1"));
        assert!(!covers("{job_id}", "job-10"));
    }

    #[test]
    fn everything_inside_is_covered_where_any_name_is() {
        let inside = |pattern: &str, path: &str| {
            let pattern: Pattern = pattern.parse().unwrap();
            pattern.covers_inside(&ComponentPath::parse(path).unwrap(), "job-1")
        };
        assert!(inside("*", ""));
        assert!(inside("*", "a"));
        assert!(!inside("a", ""));
        assert!(inside("a", "a"));
        assert!(!inside("{job_id}", ""));
        assert!(inside("a/*", "a"));
        assert!(!inside("a/*/b", "a"));
    }

    #[test]
    fn a_pattern_that_makes_no_sense_is_an_error() {
        for text in ["", "a/../x", "/a", "a//b", "a/"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
