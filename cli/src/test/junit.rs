//! Results as JUnit XML, which build servers read.

use std::path::Path;

use anyhow::Context;
use flip_runtime::one_line;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Verdict;

/// Writes them to a file.
pub fn write(path: &Path, component: &str, verdicts: &[Verdict]) -> anyhow::Result<()> {
    let mut report = Report::new(component);
    let mut files: Vec<_> = verdicts.iter().map(|verdict| &verdict.file).collect();
    files.dedup();
    for file in files {
        let mut suite = TestSuite::new(file.display().to_string());
        for verdict in verdicts.iter().filter(|verdict| verdict.file == *file) {
            let status = match verdict.failures.first() {
                None => TestCaseStatus::success(),
                Some(first) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    let lines = verdict.failures.iter().flat_map(|failure| failure.lines());
                    let lines: Vec<_> = lines.map(|line| one_line(line, 2_000)).collect();
                    status.set_message(one_line(first, 200)).set_description(lines.join("\n"));
                    status
                }
            };
            let mut case = TestCase::new(&*verdict.name, status);
            case.set_classname(component).set_time(verdict.time);
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    let text = report.to_string()?;
    std::fs::write(path, text).with_context(|| path.display().to_string())
}
