//! What may be deleted.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::paths::ComponentPath;
use crate::services::Root;

/// A directory and a pattern of a path in it, such as `workspace/save/*`: what matches may be deleted, with
/// everything inside. A part `*` stands for any one name, `{job_id}` for the id of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanupRule {
    root: Root,
    parts: Vec<String>,
}

/// The part that stands for the id of the job.
const JOB_ID: &str = "{job_id}";

impl CleanupRule {
    /// The rule for one path; none where a part of it would stand for other names.
    pub(crate) fn of(root: Root, path: &ComponentPath) -> Option<Self> {
        let parts: Vec<_> = path.parts().map(str::to_owned).collect();
        let is_name = |part: &String| !matches!(part.as_str(), "*" | JOB_ID);
        parts.iter().all(is_name).then_some(Self { root, parts })
    }

    /// The rule for everything inside.
    pub(crate) fn inside(mut self) -> Self {
        self.parts.push("*".to_owned());
        self
    }

    /// The directory.
    pub fn root(&self) -> Root {
        self.root
    }

    /// Whether `path` below `root` may be deleted.
    pub(crate) fn allows(&self, root: Root, path: &ComponentPath, job_id: &str) -> bool {
        let given: Vec<_> = path.parts().collect();
        root == self.root
            && given.len() >= self.parts.len()
            && self.parts.iter().zip(given).all(|(rule, part)| match rule.as_str() {
                "*" => true,
                JOB_ID => part == job_id,
                name => part == name,
            })
    }

    /// Whether everything inside `path` may be deleted.
    pub(crate) fn allows_inside(&self, root: Root, path: &ComponentPath, job_id: &str) -> bool {
        // Any name must do.
        ComponentPath::parse("*").is_ok_and(|any| {
            let inside = path.join(&any);
            match self.parts.last().map(String::as_str) {
                Some("*") => self.allows(root, &inside, job_id),
                _ => self.allows(root, path, job_id),
            }
        })
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
        let path = ComponentPath::parse(path).map_err(|reason| format!("{text:?}: {reason}"))?;
        if path.is_root() {
            return Err(format!("{text:?} names no path"));
        }
        Ok(Self { root, parts: path.parts().map(str::to_owned).collect() })
    }
}

impl fmt::Display for CleanupRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.parts.join("/"))
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

    fn allows(rule: &str, path: &str) -> bool {
        let rule: CleanupRule = rule.parse().unwrap();
        rule.allows(Root::Workspace, &ComponentPath::parse(path).unwrap(), "job-1")
    }

    #[test]
    fn a_rule_covers_what_it_names_and_everything_inside_and_no_sibling() {
        assert!(allows("workspace/save/*", "save/a"));
        assert!(allows("workspace/save/*", "save/a/b"));
        assert!(!allows("workspace/save/*", "save"));
        assert!(!allows("workspace/save/*", ""));
        assert!(!allows("workspace/save/*", "transfer/a"));
        assert!(!allows("images/*", "save"));
        assert!(allows("workspace/{job_id}", "job-1"));
        assert!(!allows("workspace/{job_id}", "job-10"));
    }

    #[test]
    fn clearing_a_directory_needs_a_rule_for_any_name_in_it() {
        let inside = |rule: &str, path: &str| {
            let rule: CleanupRule = rule.parse().unwrap();
            rule.allows_inside(Root::Images, &ComponentPath::parse(path).unwrap(), "job-1")
        };
        assert!(inside("images/*", ""));
        assert!(inside("images/*", "a"));
        assert!(!inside("images/a", ""));
        assert!(inside("images/a", "a"));
        assert!(!inside("images/{job_id}", ""));
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_an_error() {
        for text in ["images", "images/", "pictures/*", "images/../x", "/images/*"] {
            assert!(text.parse::<CleanupRule>().is_err(), "{text}");
        }
    }
}
