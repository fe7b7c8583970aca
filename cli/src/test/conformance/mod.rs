//! What holds for every component of a role, tried with generated data.

mod checks;
mod data;
mod limits;
mod scenario;

use std::path::{Path, PathBuf};
use std::time::Instant;

use flip_runtime::{Component, Limits, Runtime};
use indexmap::IndexMap;
use serde_json::Value;

use super::Verdict;
use super::bless::changed;
use super::case::{Case, CaseFile, Step};
use super::compare::shown;
use super::expected::{Gives, HostSpec};
use super::runner::{self, Ended, Given, Observed};

/// A component under test.
pub struct Subject<'a> {
    /// Where it runs.
    pub runtime: &'a Runtime,
    /// What is tested.
    pub component: &'a Component,
    /// The args that it works with.
    pub args: IndexMap<String, Value>,
    /// What it is granted, and may use.
    pub given: Given<'a>,
}

impl Subject<'_> {
    fn has(&self, role: &str) -> bool {
        self.component.inspection().roles.iter().any(|known| known == role)
    }

    /// What it may use.
    fn limits(&self) -> Limits {
        let granted = self.given.grants.and_then(|grants| grants.limits.clone());
        self.given.limits.cloned().or(granted).unwrap_or_default()
    }

    /// The case, with one of the limits changed.
    fn limited(&self, case: &Case, limit: &str, allowed: Value) -> anyhow::Result<Case> {
        let mut limits = serde_json::to_value(self.limits())?;
        if let Some(limits) = limits.as_object_mut() {
            limits.insert(limit.to_owned(), allowed);
        }
        Ok(Case { limits: Some(limits), ..case.clone() })
    }

    fn observe(&self, case: &Case) -> anyhow::Result<Observed> {
        self.observe_with(case, self.given)
    }

    fn observe_with(&self, case: &Case, given: Given<'_>) -> anyhow::Result<Observed> {
        runner::run(self.runtime, self.component, case, Path::new(""), given)
    }
}

/// Tries every check of the component's roles, but for those to skip.
pub fn run(subject: &Subject<'_>, skip: &[String]) -> anyhow::Result<Vec<Verdict>> {
    if let Some(unknown) = skip.iter().find(|name| checks::ALL.iter().all(|check| check.name != **name)) {
        let known: Vec<_> = checks::ALL.iter().map(|check| check.name).collect();
        anyhow::bail!("no check is called {unknown:?}; they are: {}", known.join(", "));
    }
    let mut verdicts = Vec::new();
    let of_roles = checks::ALL.iter().filter(|check| check.role.is_none_or(|role| subject.has(role)));
    for check in of_roles.filter(|check| !skip.iter().any(|name| name == check.name)) {
        let started = Instant::now();
        let failures = (check.run)(subject).unwrap_or_else(|error| vec![format!("{error:#}")]);
        let name = format!("{}: {}", check.name, check.what);
        let (file, time) = (PathBuf::from("conformance"), started.elapsed());
        verdicts.push(Verdict { file, name, time, failures, blessed: false });
    }
    Ok(verdicts)
}

/// Everything that a component did, as one text: two of them are compared line by line.
fn told(observed: &Observed) -> anyhow::Result<String> {
    let mut case = Case { refuses_args: observed.refused_args.clone(), ..Case::default() };
    case.log.clone_from(&observed.configured.log);
    for step in &observed.steps {
        case.calls.push(Step {
            gives: Some(shown(&step.ended).map_err(anyhow::Error::msg)?),
            log: step.noted.log.clone(),
            gauges: step.gauges.clone(),
            host: step.noted.host.iter().cloned().map(HostSpec::Line).collect(),
            ..Step::default()
        });
    }
    case.after.hub.clone_from(&observed.hub);
    case.after.workspace = changed(&observed.tree_before, &observed.tree);
    let [before, after] = &observed.objects;
    case.after.objects = changed(before, after);
    Ok(serde_saphyr::to_string(&CaseFile { cases: vec![case] })?)
}

/// Why a call did not end by itself: it trapped, reached a limit, or the host could make nothing of its answer.
fn ended_by_the_host(observed: &Observed) -> Vec<String> {
    let steps = observed.steps.iter().enumerate();
    steps
        .filter_map(|(number, step)| {
            let why = match &step.ended {
                Ended::Plain(Gives::Trap(why)) => format!("it trapped: {why}"),
                Ended::Plain(Gives::Limit(limit)) => format!("it reached the limit {limit}"),
                Ended::Plain(Gives::Invalid(why)) => why.clone(),
                _ => return None,
            };
            Some(format!("call {}: {why}", number + 1))
        })
        .collect()
}
