//! What may be deleted.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::Pattern;
use crate::host::log::one_line;
use crate::paths::ComponentPath;
use crate::services::Root;

/// A directory and a pattern of a path in it, such as `workspace/save/*`: what it covers may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanupRule {
    root: Root,
    pattern: Pattern,
}

/// The most of a rule that an error repeats, in bytes.
const MAX_SHOWN: usize = 200;

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

    /// Whether something may be deleted at `path`, or below it, that was at `from`. A job's directories lie in each
    /// other: what is moved from one into another, that a rule for a third may reach, counts too.
    pub(crate) fn reaches(&self, root: Root, path: &ComponentPath, job_id: &str, from: Root) -> bool {
        let of_job = |root| matches!(root, Root::Workspace | Root::Job | Root::App);
        let parts: Vec<&str> = path.parts().collect();
        match (self.root, root) {
            (own, root) if own == root => self.pattern.meets(&parts, job_id),
            (Root::Job, Root::Workspace) => parts
                .split_first()
                .is_some_and(|(first, rest)| *first == job_id && self.pattern.meets(rest, job_id)),
            (Root::App, Root::Workspace) => parts.first() == Some(&job_id),
            // Where in the job the app is, is not known here.
            (Root::App, Root::Job) => true,
            (own, root) => of_job(own) && of_job(root) && from != root,
        }
    }

    /// Whether everything inside `path` may be deleted.
    pub(crate) fn allows_inside(&self, root: Root, path: &ComponentPath, job_id: &str) -> bool {
        root == self.root && self.pattern.covers_inside(path, job_id)
    }
}

impl FromStr for CleanupRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = |text: &str| one_line(&format!("{text:?}"), MAX_SHOWN);
        let (root, path) = text.split_once('/').ok_or_else(|| {
            let text = shown(text);
            format!("{text} names no path; everything in a directory is {text} followed by \"/*\"")
        })?;
        let root =
            Root::ALL.into_iter().find(|known| known.name() == root).ok_or_else(|| Root::unknown(root))?;
        let pattern = path.parse().map_err(|reason| format!("{root}: {reason}"))?;
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
    fn a_rule_of_any_length_was_repeated_in_its_error() {
        let long = "x".repeat(100_000);
        for text in [long.clone(), format!("images/{long}"), format!("{long}/a")] {
            assert!(text.parse::<CleanupRule>().unwrap_err().len() < 1_000);
        }
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_an_error() {
        for text in ["images", "images/", "pictures/*", "images/../x", "/images/*"] {
            assert!(text.parse::<CleanupRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_job_has_in_one_directory_is_reached_through_another() {
        let reaches = |rule: &str, root, path: &str, from| {
            let rule: CleanupRule = rule.parse().unwrap();
            rule.reaches(root, &ComponentPath::parse(path).unwrap(), "job-1", from)
        };
        use Root::{Images, Job, Workspace};
        for (rule, root, path, from) in [
            ("workspace/save/*", Workspace, "save/x", Workspace),
            ("workspace/save/*", Workspace, "save", Workspace),
            ("workspace/{job_id}", Job, "x", Workspace),
            ("job/*", Workspace, "job-1/x", Workspace),
            ("app/*", Workspace, "job-1/app", Workspace),
            ("app/*", Job, "app/x", Job),
        ] {
            assert!(reaches(rule, root, path, from), "{rule} {root:?} {path}");
        }
        for (rule, root, path, from) in [
            ("workspace/save/*", Workspace, "models/x", Workspace),
            ("workspace/{job_id}", Job, "x", Job),
            ("job/*", Workspace, "job-2/x", Workspace),
            ("images/*", Workspace, "x", Job),
            ("workspace/save/*", Images, "save/x", Workspace),
        ] {
            assert!(!reaches(rule, root, path, from), "{rule} {root:?} {path}");
        }
    }
}
