//! Writing a report.

use crate::model::Report;

/// The report as JSON, on one line: with ten thousand moments and a thousand tensors it has less than two million
/// bytes.
///
/// # Errors
///
/// Of the serializer, which has none for a report.
pub fn json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string(report)
}
