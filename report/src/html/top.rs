//! The first screen: how it ended, and what matters most.

use maud::{Markup, html};

use super::parts::{badge, bytes, name, number, sentence, time};
use crate::model::Report;
use crate::verdict::Level;

/// What the page is about, and how it ended.
pub fn header(report: &Report) -> Markup {
    let verdict = report.verdict();
    let (class, sign) = match verdict.level {
        Level::Good => ("good", "✓"),
        Level::Warning => ("warning", "!"),
        Level::Bad => ("bad", "✕"),
    };
    html! {
        header {
            p.eyebrow { "flip-wasm report" }
            h1 {
                (super::title(report).split(' ').next().unwrap_or_default())
                @if let Some(id) = &report.job_id { " " span.id { (name(id)) } }
            }
            div.status {
                span class={ "badge large " (class) } { span aria-hidden="true" { (sign) } " " (verdict.status) }
                @if report.local_dev { (badge("warning", "local dev: nothing deleted, uploaded or reported")) }
            }
            p.headline { (sentence(&verdict.headline)) }
            p.meta {
                @if let Some(started) = &report.started {
                    span { "Started " time { (name(&started.replacen('T', " ", 1).replace('Z', " UTC"))) } }
                }
                @if let Some(seconds) = report.seconds { span { "took " (time(seconds)) } }
                span { "flip-wasm " (name(&report.version)) }
            }
        }
    }
}

/// The figures, and the verdict sentence by sentence.
pub fn verdict(report: &Report) -> Markup {
    let verdict = report.verdict();
    html! {
        (figures(report))
        dl.verdict {
            @for group in verdict.sentences.chunk_by(|(one, _), (next, _)| one == next) {
                @if let Some((topic, _)) = group.first() {
                    dt { (topic.name()) }
                    @for (_, one) in group { dd { (sentence(one)) } }
                }
            }
        }
    }
}

fn figures(report: &Report) -> Markup {
    let components = report.components().count() as u64;
    let left = report.results.iter().filter(|result| result.left()).count() as u64;
    let refused = report.refusals();
    let passed = report.cases.iter().filter(|case| case.passed).count() as u64;
    let failed = report.cases.len() as u64 - passed;
    html! {
        ul.figures {
            @if !report.cases.is_empty() {
                (tile("passed", "cases passed", number(passed), ""))
                (tile("failed", "cases failed", number(failed), if failed > 0 { "bad" } else { "" }))
            }
            (tile("components", "components in the sandbox", number(components), ""))
            (tile("left", "results left", number(left), ""))
            (tile("refused", "refusals", number(refused), if refused > 0 { "bad" } else { "" }))
            (stored(report))
            (deleted(report))
        }
    }
}

/// The bytes that were stored.
fn stored(report: &Report) -> Markup {
    let sizes = report.components().map(|(_, component)| component.usage.stored_total().1);
    tile("stored", "stored", bytes(sizes.fold(0_u64, u64::saturating_add)), "")
}

/// The files that were deleted.
fn deleted(report: &Report) -> Markup {
    let files = report.components().map(|(_, component)| component.usage.deleted_total().0);
    tile("deleted", "files deleted", number(files.fold(0_u64, u64::saturating_add)), "")
}

fn tile(key: &str, label: &str, value: Markup, class: &str) -> Markup {
    html! { li class=[Some(class).filter(|c| !c.is_empty())] data-figure=(key) { strong { (value) } " " span { (label) } } }
}
