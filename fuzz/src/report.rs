//! Reports.

use flip_runtime::report::{Report, html, json};

use crate::message::assert_one_line;

/// Reads a report, says what it says, and shows it.
pub fn report(data: &[u8]) {
    let report = match Report::read(data) {
        Ok(report) => report,
        Err(error) => return assert_one_line(error),
    };
    let written = json(&report).expect("a report is JSON");
    assert!(Report::read(written.as_bytes()).is_ok_and(|again| again == report), "not the same again");
    let verdict = report.verdict();
    for text in verdict.sentences.iter().map(|(_, sentence)| sentence.to_string()).chain([verdict.status]) {
        assert!(!text.contains(['\n', '\u{1b}', '\u{202e}']) && text.len() < 20_000, "{text:?}");
    }
    let page = html(&report);
    assert!(!page.contains("<script") && !page.contains('\u{202e}'));
}
