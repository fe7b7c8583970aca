//! What the component may do, asked at each call.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Failure;
use crate::bindings::flip::fl::types;
use crate::paths::ComponentPath;
use crate::policy::{
    Access, Change, CleanupRule, Grants, HubVerb, ObjectVerb, Pattern, PeerRole, header, line_with,
};
use crate::services::Root;

/// What the operator granted, and under which name.
pub(crate) struct GrantsCtx {
    /// The name of the table that is in force, or would be.
    table: Arc<str>,
    pub(crate) grants: Arc<Grants>,
    /// Whether it shares the work of another instance, which is granted what this one is not.
    helps: bool,
    /// How often something was refused.
    refusals: AtomicU64,
}

impl GrantsCtx {
    pub(crate) fn new(table: Arc<str>, grants: Arc<Grants>, helps: bool) -> Self {
        Self { table, grants, helps, refusals: AtomicU64::new(0) }
    }

    /// How often something was refused so far.
    pub(super) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Counts a refusal; gives the line of the policy that would allow it, and its place.
    fn refused_line(&self, line: impl Display) -> String {
        self.count();
        match self.helps {
            true => {
                "an instance that shares another's work is granted nothing: ask in begin or next".to_owned()
            }
            false => format!("{line} under [{}]", header(&self.table)),
        }
    }

    fn count(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    fn refused(&self, line: impl Display) -> Failure {
        Failure::Typed(types::Error::NotPermitted(self.refused_line(line)))
    }

    pub(crate) fn directory(&self, root: Root) -> Result<Access, Failure> {
        let access = self.grants.directories.get(&root).copied();
        access.ok_or_else(|| self.refused(self.grants.directories_with(root, Access::Read)))
    }

    pub(crate) fn writing(&self, root: Root, access: Access) -> Result<(), Failure> {
        match access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(self.refused(self.grants.directories_with(root, Access::ReadWrite))),
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
        let rule = pattern.map(|pattern| CleanupRule::new(root, pattern));
        self.refused_alone(rule.map(|rule| line_with("cleanup", &self.grants.cleanup, rule)))
    }

    /// Refused, where a line may be written for this alone.
    fn refused_alone(&self, line: Option<String>) -> Failure {
        match line {
            Some(line) => self.refused(line),
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
            let granted = self.grants.object_store.iter().map(|verb| verb.name());
            return Err(self.refused(line_with("object-store", granted, verb.name())));
        }
        let Some(prefixes) = &self.grants.object_prefixes else { return Ok(()) };
        let path = ComponentPath::parse_entry(key).map_err(Failure::invalid_argument)?;
        match prefixes.iter().any(|prefix| prefix.covers(&path, job_id)) {
            true => Ok(()),
            false => {
                let line = |pattern| line_with("object-prefixes", prefixes, pattern);
                Err(self.refused_alone(Pattern::of(&path).map(line)))
            }
        }
    }

    pub(crate) fn hub(&self, verb: HubVerb) -> Result<(), Failure> {
        match self.grants.hub.contains(&verb) {
            true => Ok(()),
            false => {
                let granted = self.grants.hub.iter().map(|verb| verb.name());
                Err(self.refused(line_with("hub", granted, verb.name())))
            }
        }
    }

    pub(crate) fn firing(&self, event_type: &str) -> Result<(), Failure> {
        match self.grants.events.contains(event_type) {
            true => Ok(()),
            false => Err(self.refused(line_with("events", &self.grants.events, event_type))),
        }
    }

    pub(crate) fn changing(&self, change: Change) -> Result<(), Failure> {
        match self.grants.may_change.contains(&change) {
            true => Ok(()),
            false => {
                let granted = self.grants.may_change.iter().map(|change| change.name());
                Err(self.refused(line_with("may-change", granted, change.name())))
            }
        }
    }

    pub(crate) fn peer(&self, role: PeerRole) -> Result<(), String> {
        match self.grants.peers.contains(&role) {
            true => Ok(()),
            false => {
                let granted = self.grants.peers.iter().map(|role| role.name());
                Err(self.refused_line(line_with("peers", granted, role.name())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Builtin;

    #[test]
    fn the_line_for_a_built_in_component_begins_with_its_own_grants() {
        let grants = Builtin::find("persist-to-s3-and-cleanup").unwrap().grants().unwrap();
        let ctx = GrantsCtx::new("Persist to S3".into(), grants.into(), false);
        let line = ctx.peer(PeerRole::ResultsGenerator).unwrap_err();
        let expected =
            r#"peers = ["model-persistor", "results-generator"] under [components."Persist to S3"]"#;
        assert_eq!((line.as_str(), ctx.refusals()), (expected, 1));
    }

    #[test]
    fn whoever_shares_anothers_work_was_told_a_line_that_stands_there_already() {
        let ctx = GrantsCtx::new("A".into(), Arc::default(), true);
        let Failure::Typed(types::Error::NotPermitted(told)) = ctx.hub(HubVerb::SendMetric).unwrap_err()
        else {
            panic!("it is not refused");
        };
        assert!(told.contains("shares another's work") && !told.contains("hub"), "{told}");
    }
}
