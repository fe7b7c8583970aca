//! Results as a report that people can look at.

use std::path::Path;

use flip_runtime::one_line;
use flip_runtime::report::{Case, Ran, Report};

use super::Verdict;
use crate::report::Staged;

/// Writes them to a file, as JSON or as a page.
pub fn write(path: &Path, component: &str, verdicts: &[Verdict]) -> anyhow::Result<()> {
    let mut report = Report::new(env!("CARGO_PKG_VERSION"), Ran::Test);
    report.seconds = Some(verdicts.iter().map(|verdict| verdict.time.as_secs_f64()).sum());
    report.cases = verdicts
        .iter()
        .map(|verdict| Case {
            component: component.to_owned(),
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
    let mut staged = Staged::create(path)?;
    staged.write(&report)?;
    staged.publish()
}
