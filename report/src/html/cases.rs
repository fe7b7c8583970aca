//! The cases of a component's test.

use maud::{Markup, html};

use super::parts::{badge, first, more, name, table, text, time};
use crate::model::Report;

const MAX_CASES: usize = 1_000;
const MAX_DIFFERENCES: usize = 20;

/// The cases, those that failed first.
pub fn cases(report: &Report) -> Option<Markup> {
    let mut cases: Vec<_> = report.cases.iter().collect();
    cases.sort_by_key(|case| case.passed);
    let (shown, rest) = first(&cases, MAX_CASES);
    let rows = html! {
        @for case in shown {
            tr {
                th scope="row" {
                    (name(&case.case))
                    @if let Some(file) = &case.file { br; span.muted { (name(file)) } }
                }
                td { (name(&case.component)) }
                td {
                    @if case.passed { (badge("good", "✓ passed")) } @else { (badge("bad", "✕ failed")) }
                    @for difference in case.differences.iter().take(MAX_DIFFERENCES) { p.difference { (text(difference)) } }
                }
                td.number { (time(case.seconds)) }
            }
        }
    };
    let head = [("case", ""), ("component", ""), ("outcome", ""), ("time", "number")];
    (!cases.is_empty()).then(|| {
        html! {
            (table("Test cases", "", "Each on a host of its own; those that failed first", &head, rows))
            (more(rest as u64, "case"))
        }
    })
}
