//! What may be deleted.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::Pattern;
use crate::paths::ComponentPath;
use crate::services::Root;

/// A directory and a pattern of a path in it, such as `workspace/save/*`: what it covers may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanupRule {
    root: Root,
    pattern: Pattern,
}

impl CleanupRule {
    pub(crate) fn new(root: Root, pattern: Pattern) -> Self {
        Self { root, pattern }
    }

    /// The directory.
    pub fn root(&self) -> Root {
        self.root
    }

    /// Whether `path` below `root` may be deleted.
    pub(crate) fn allows(&self, root: Root, path: &ComponentPath, job_id: &str) -> bool {
        root == self.root && self.pattern.covers(path, job_id)
    }

    /// Whether everything inside `path` may be deleted.
    pub(crate) fn allows_inside(&self, root: Root, path: &ComponentPath, job_id: &str) -> bool {
        root == self.root && self.pattern.covers_inside(path, job_id)
    }
}

impl FromStr for CleanupRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (root, path) = text.split_once('/').ok_or_else(|| {
            format!("{text:?} names no path; everything in a directory is {text:?} followed by \"/*\"")
        })?;
        let root = Root::ALL.into_iter().find(|known| known.name() == root).ok_or_else(|| {
            format!("unknown directory {root:?}, expected one of {}", Root::ALL.map(Root::name).join(", "))
        })?;
        let pattern = path.parse().map_err(|reason| format!("{text:?}: {reason}"))?;
        Ok(Self { root, pattern })
    }
}

impl fmt::Display for CleanupRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.pattern)
    }
}

impl<'de> Deserialize<'de> for CleanupRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_its_own_directory() {
        let rule: CleanupRule = "workspace/save/*".parse().unwrap();
        let path = ComponentPath::parse("save/a").unwrap();
        assert!(rule.allows(Root::Workspace, &path, "job-1"));
        assert!(!rule.allows(Root::Images, &path, "job-1"));
        assert!(!rule.allows_inside(Root::Images, &path, "job-1"));
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_an_error() {
        for text in ["images", "images/", "pictures/*", "images/../x", "/images/*"] {
            assert!(text.parse::<CleanupRule>().is_err(), "{text}");
        }
    }
}
