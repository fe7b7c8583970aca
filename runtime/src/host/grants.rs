//! What the component may do, asked at each call.

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flip_report::text::is_hidden;

use super::Failure;
use crate::bindings::flip::fl::types;
use crate::paths::ComponentPath;
use crate::policy::{Access, Change, CleanupRule, Grants, HubVerb, ObjectVerb, Pattern, PeerRole};
use crate::services::Root;

/// What the operator granted, and the name under which.
pub(crate) struct GrantsCtx {
    /// The component's name in a policy.
    pub(crate) name: Arc<str>,
    pub(crate) grants: Arc<Grants>,
    /// How often something was refused.
    refusals: AtomicU64,
}

impl GrantsCtx {
    pub(crate) fn new(name: Arc<str>, grants: Arc<Grants>) -> Self {
        Self { name, grants, refusals: AtomicU64::new(0) }
    }

    /// How often something was refused so far.
    pub(super) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Counts a refusal; gives the line of the policy that would allow it.
    fn refused_line(&self, line: impl Display) -> String {
        self.count();
        format!("{line} under [components.{}]", quoted(&self.name))
    }

    fn count(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    fn refused(&self, line: impl Display) -> Failure {
        Failure::Typed(types::Error::NotPermitted(self.refused_line(line)))
    }

    pub(crate) fn directory(&self, root: Root) -> Result<Access, Failure> {
        let access = self.grants.directories.get(&root).copied();
        access.ok_or_else(|| self.refused(format_args!("directories = {{ {root} = \"read\" }}")))
    }

    pub(crate) fn writing(&self, root: Root, access: Access) -> Result<(), Failure> {
        match access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(self.refused(format_args!("directories = {{ {root} = \"read-write\" }}"))),
        }
    }

    pub(crate) fn removing(&self, root: Root, path: &ComponentPath, job_id: &str) -> Result<(), Failure> {
        match self.grants.cleanup.iter().any(|rule| rule.allows(root, path, job_id)) {
            true => Ok(()),
            false => Err(self.not_cleaned(root, Pattern::of(path))),
        }
    }

    /// What may not be deleted is not moved to where it may be, it or what is in it.
    pub(crate) fn moving(
        &self,
        from: (Root, &ComponentPath),
        to: (Root, &ComponentPath),
        job_id: &str,
    ) -> Result<(), Failure> {
        let reached = |rule: &CleanupRule| rule.reaches(to.0, to.1, job_id, from.0);
        match self.grants.cleanup.iter().any(reached) {
            true => self.removing(from.0, from.1, job_id),
            false => Ok(()),
        }
    }

    pub(crate) fn clearing(&self, root: Root, path: &ComponentPath, job_id: &str) -> Result<(), Failure> {
        match self.grants.cleanup.iter().any(|rule| rule.allows_inside(root, path, job_id)) {
            true => Ok(()),
            false => Err(self.not_cleaned(root, Pattern::of(path).map(Pattern::inside))),
        }
    }

    fn not_cleaned(&self, root: Root, pattern: Option<Pattern>) -> Failure {
        let line = |pattern| quoted_text(&CleanupRule::new(root, pattern).to_string());
        self.refused_alone("cleanup", pattern.map(line))
    }

    /// Refused, where a line may be written for this alone.
    fn refused_alone(&self, key: &str, quoted: Option<String>) -> Failure {
        match quoted {
            Some(quoted) => self.refused(format_args!("{key} = [{quoted}]")),
            // A line would grant other names as well, which nobody asked for.
            None => {
                self.count();
                Failure::Typed(types::Error::NotPermitted(
                    "no policy can name a path with a part * or {job_id} alone".to_owned(),
                ))
            }
        }
    }

    pub(crate) fn object_store(&self, verb: ObjectVerb, key: &str, job_id: &str) -> Result<(), Failure> {
        if !self.grants.object_store.contains(&verb) {
            return Err(self.refused(format_args!("object-store = [\"{}\"]", verb.name())));
        }
        let Some(prefixes) = &self.grants.object_prefixes else { return Ok(()) };
        let path = ComponentPath::parse_entry(key).map_err(Failure::invalid_argument)?;
        match prefixes.iter().any(|prefix| prefix.covers(&path, job_id)) {
            true => Ok(()),
            false => {
                let quoted = Pattern::of(&path).map(|pattern| quoted_text(&pattern.to_string()));
                Err(self.refused_alone("object-prefixes", quoted))
            }
        }
    }

    pub(crate) fn hub(&self, verb: HubVerb) -> Result<(), Failure> {
        match self.grants.hub.contains(&verb) {
            true => Ok(()),
            false => Err(self.refused(format_args!("hub = [\"{}\"]", verb.name()))),
        }
    }

    pub(crate) fn firing(&self, event_type: &str) -> Result<(), Failure> {
        match self.grants.events.contains(event_type) {
            true => Ok(()),
            false => Err(self.refused(format_args!("events = [{}]", quoted_text(event_type)))),
        }
    }

    pub(crate) fn changing(&self, change: Change) -> Result<(), Failure> {
        match self.grants.may_change.contains(&change) {
            true => Ok(()),
            false => Err(self.refused(format_args!("may-change = [\"{}\"]", change.name()))),
        }
    }

    pub(crate) fn peer(&self, role: PeerRole) -> Result<(), String> {
        match self.grants.peers.contains(&role) {
            true => Ok(()),
            false => Err(self.refused_line(format_args!("peers = [\"{}\"]", role.name()))),
        }
    }
}

/// The name as a key of TOML.
pub(crate) fn quoted(name: &str) -> String {
    match name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        true => name.to_owned(),
        false => quoted_text(name),
    }
}

/// The text as TOML has it, on one line that hides nothing.
fn quoted_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if is_hidden(character) => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}
