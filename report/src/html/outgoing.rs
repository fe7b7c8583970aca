//! What left a place, and what was held back there.

use maud::{Markup, html};

use super::parts::{badge, bytes, code, digest, first, more, name, number, table, text};
use crate::model::{Outgoing, Report, Task, Work};

const MAX_RESULTS: usize = 500;
const MAX_FILES: usize = 20;

/// The results, and the tasks that failed.
pub fn outgoing(report: &Report) -> Option<Markup> {
    let (shown, rest) = first(&report.results, MAX_RESULTS);
    let failed: Vec<_> = report.tasks.iter().filter(|task| task.failed() || task.kept_out()).collect();
    if report.results.is_empty() && report.tasks.is_empty() {
        return None;
    }
    let head = [("result", ""), ("what became of it", ""), ("data", ""), ("filters", ""), ("files", "")];
    let rows = html! { @for result in shown { (row(report, result)) } };
    Some(html! {
        @if shown.is_empty() { p.muted { "No result was on its way out." } }
        @else {
            (table("Results", "", "Results on their way out, in order", &head, rows))
        }
        (more(rest as u64, "result"))
        @if !report.tasks.is_empty() {
            p { (number(report.tasks.len() as u64)) " tasks came; " (number(failed.len() as u64)) " of them failed, or their data was not let in." }
        }
        (failures(&failed))
    })
}

fn row(report: &Report, result: &Outgoing) -> Markup {
    html! {
        tr {
            th scope="row" { (name(&result.task)) br; span.muted { "from " (name(&result.at)) } }
            td {
                @match &result.refused {
                    Some(why) => {
                        (badge("bad", "✕ held back"))
                        p { @if !why.what.is_empty() { (name(&why.what)) ": " } (text(report.reason(&result.at, why))) }
                    }
                    None if !result.left() => { (badge("plain", "– no data")) p.muted { (name(&result.return_code)) } }
                    None if !result.unfiltered.is_empty() => {
                        (badge("warning", "! left unfiltered"))
                        p { "The policy lets it pass although a filter failed: " (list(&result.unfiltered)) }
                    }
                    None if result.work() == Work::Done => (badge("good", "✓ left, filtered")),
                    None if result.work() == Work::Unknown => {
                        (badge("plain", "– left, through filters"))
                        p.muted { "What they did, the audit trail does not say." }
                    }
                    None => (badge("warning", "! left, not filtered as a whole")),
                }
            }
            td {
                @match &result.data {
                    Some(data) => {
                        (name(&data.kind)) ", " (number(data.tensors)) " tensors, " (bytes(data.bytes))
                        br; (digest(data.sha256.as_deref()))
                    }
                    None => span.muted { "none" },
                }
            }
            td { (list(&result.filters.iter().map(|filter| filter.id.clone()).collect::<Vec<_>>())) }
            td { (files(result)) }
        }
    }
}

fn files(result: &Outgoing) -> Markup {
    let (shown, rest) = first(&result.files, MAX_FILES);
    html! {
        @for file in shown {
            div.file {
                (code(&file.path))
                @if let Some(size) = file.size { " " (bytes(size)) }
                @if let Some(sha256) = &file.sha256 { br; (digest(Some(sha256))) }
            }
        }
        (more(rest as u64, "file"))
        @if shown.is_empty() { span.muted { "none" } }
    }
}

fn list(ids: &[String]) -> Markup {
    let (shown, rest) = first(ids, MAX_FILES);
    html! {
        @for (index, id) in shown.iter().enumerate() { @if index > 0 { ", " } (name(id)) }
        @if rest > 0 { " and more" }
        @if shown.is_empty() { span.muted { "none" } }
    }
}

fn failures(failed: &[&Task]) -> Markup {
    let (shown, rest) = first(failed, MAX_RESULTS);
    let rows = html! {
        @for task in shown {
            tr {
                th scope="row" { (name(&task.task)) }
                td { (name(&task.at)) }
                td { (name(&task.executor)) }
                td { (name(&task.return_code)) }
                td { (text(task.exception.as_deref().unwrap_or_default())) }
            }
        }
    };
    let head =
        [("task", ""), ("place", ""), ("executor, or filter", ""), ("return code", ""), ("what it said", "")];
    html! {
        @if !shown.is_empty() { (table("Failed tasks", "", "Tasks that failed, or whose data was not let in", &head, rows)) }
        (more(rest as u64, "task"))
    }
}
