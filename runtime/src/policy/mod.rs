//! What operators grant: a TOML file with a table for each component.
//!
//! ```toml
//! [components.MyHandler]                       # its class, the stem of its file, or its id in the job
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! directories = { job = "read-write" }
//! cleanup = ["workspace/{job_id}"]
//! object-store = ["put-archive"]
//! object-prefixes = ["{job_id}"]               # without it: everything under the operator's prefix
//! hub = ["update-status"]
//! events = ["_results_upload_started"]
//! peers = ["results-generator"]
//! wasi = ["clocks"]                            # without it: clocks and random
//! limits = { memory = "64MiB", call-time = "10s" }
//! ```
//!
//! Ids and names of files are the choice of whoever wrote the job: a table without `sha256` is for any file
//! of that name. A table of a built-in component's name is for that component alone.

mod cleanup_rule;
mod grants;
mod lines;
mod pattern;
mod suggestion;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

pub use cleanup_rule::CleanupRule;
pub use grants::{Access, Change, Grants, HubVerb, ObjectVerb, OnFilterFailure, PeerRole, WasiBit};
pub(crate) use lines::{header, line_with};
pub use pattern::Pattern;
pub use suggestion::with_suggestion;

use crate::builtin::Builtin;
use crate::error::Error;
use crate::host::log::one_line;
use crate::instance::MAX_TEXT;

/// The largest policy file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What an operator grants, component by component.
///
/// ```
/// use flip_runtime::Policy;
///
/// let policy: Policy = "[components.MyHandler]\nhub = [\"update-status\"]".parse()?;
/// assert_eq!(policy.grants(&["my_handler", "MyHandler"]).unwrap().hub.len(), 1);
///
/// let error = "[components.MyHandler]\nhubs = []".parse::<Policy>().unwrap_err();
/// assert!(error.to_string().contains("unknown field `hubs`"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(default)]
    components: BTreeMap<String, Grants>,
}

impl std::str::FromStr for Policy {
    type Err = toml::de::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        toml::from_str(text)
    }
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// [`Error::File`], or [`Error::Policy`] that names the line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Policy { path: path.to_owned(), reason };
        let metadata = std::fs::metadata(path).map_err(Error::file(path))?;
        if !metadata.is_file() || metadata.len() > MAX_FILE {
            return Err(invalid(format!("not a regular file of at most {MAX_FILE} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        text.parse().map_err(|error: toml::de::Error| {
            // The line that is wrong is shown, whatever stands in it.
            let lines = with_suggestion(&error.to_string());
            let lines = lines.split('\n').map(|line| one_line(line, MAX_TEXT));
            invalid(lines.collect::<Vec<_>>().join("\n"))
        })
    }

    /// What is granted to the component that one of these names stands for, the first that is there.
    pub fn grants(&self, names: &[&str]) -> Option<&Grants> {
        self.in_force(names).map(|(_, grants)| grants)
    }

    /// The table that is for the component that one of these names stands for, and its name among them.
    pub(crate) fn in_force<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &Grants)> {
        names.iter().find_map(|name| Some((*name, self.components.get(*name)?)))
    }

    /// Warns of its tables that stand for none of these names: what they grant, and what they pin, is for nobody.
    pub(crate) fn warn_of_strangers<'a>(&self, known: impl Iterator<Item = &'a str> + Clone) {
        for name in self.names().filter(|name| !known.clone().any(|known| known == *name)) {
            let meant = match suggestion::nearest(name, known.clone()) {
                Some(nearest) => format!("; did you mean {nearest:?}?"),
                None => String::new(),
            };
            tracing::warn!("the policy's table [components.{name:?}] names no component of this job{meant}");
        }
    }

    /// Takes away the limits of every component: those of the runtime hold.
    pub fn clear_limits(&mut self) {
        self.components.values_mut().for_each(|grants| grants.limits = None);
    }

    /// The names that grants are made to.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.components.keys().map(String::as_str)
    }
}

impl Builtin {
    /// What the component needs to do its work, and no more; it is granted unless the operator's policy
    /// says otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] where the runtime's own policy cannot be read.
    pub fn grants(&self) -> Result<Grants, Error> {
        let policy: Policy = self.policy.parse().map_err(|error| Error::Setup(format!("{error}")))?;
        Ok(policy.grants(&[self.class]).cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_is_wrong_moved_the_cursor_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        for key in ["\u{1b}[2J", "\u{202e}", &"x".repeat(10_000)] {
            std::fs::write(&path, format!("[components.A]\nhubs = [\"{key}\"]\n")).unwrap();
            let error = Policy::read(&path).unwrap_err().to_string();
            assert!(error.lines().count() > 1);
            assert!(error.lines().all(|line| one_line(line, MAX_TEXT + 200) == line), "{error}");
        }
    }
}
