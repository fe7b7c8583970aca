//! Results as a report that people can look at.

use flip_runtime::report::{self, Case, Place, Ran, Report};
use flip_runtime::{Component, Source, Usage, one_line};

use super::Verdict;
use super::runner::Given;
use crate::report::Staged;

/// What the report calls the place where cases run.
const PLACE: &str = "local";

/// What the component is, what it is granted where a case does not say, and what it used in all cases.
pub fn card(
    source: &Source,
    component: &Component,
    given: Given<'_>,
    usages: &[Usage],
) -> anyhow::Result<report::Component> {
    let grants = match (given.grants, source) {
        (Some(grants), _) => grants.clone(),
        (None, Source::Builtin(builtin)) => builtin.grants()?,
        (None, _) => Default::default(),
    };
    let limits = given.limits.cloned().or(grants.limits.clone()).unwrap_or_default();
    Ok(report::of_component(component, &grants, &limits, usages)?)
}

/// Writes the results, as JSON or as a page.
pub fn write(staged: Staged, card: report::Component, verdicts: &[Verdict]) -> anyhow::Result<()> {
    let mut report = Report::new(env!("CARGO_PKG_VERSION"), Ran::Test);
    report.seconds = Some(verdicts.iter().map(|verdict| verdict.time.as_secs_f64()).sum());
    report.cases = verdicts
        .iter()
        .map(|verdict| Case {
            component: card.name.clone(),
            file: Some(verdict.file.display().to_string()),
            case: verdict.name.clone(),
            passed: !verdict.failed(),
            seconds: verdict.time.as_secs_f64(),
            differences: verdict
                .failures
                .iter()
                .flat_map(|failure| failure.lines())
                .map(|line| one_line(line, 2_000))
                .collect(),
        })
        .collect();
    report.places = vec![Place { name: PLACE.to_owned(), components: vec![card], ..Place::default() }];
    staged.write_out(&report)
}
