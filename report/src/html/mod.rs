//! The page: one file without scripts, which loads nothing.

mod cases;
mod components;
mod filters;
mod histogram;
mod limits;
mod marks;
mod outgoing;
mod parts;
mod storage;
mod tensors;
mod timeline;
mod top;

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use crate::model::{Ran, Report};
use crate::text::visible;

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded or run; the style stands in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page that shows a report.
pub fn html(report: &Report) -> String {
    let sections = sections(report);
    let title = title(report);
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " – flip-wasm" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "To the report" }
                (top::header(report))
                nav aria-label="Sections" {
                    ul { @for section in &sections { li { a href={ "#" (section.id) } { (section.title) } } } }
                }
                main id="main" {
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.content)
                        }
                    }
                }
                footer {
                    p {
                        "Written by flip-wasm " (parts::name(&report.version)) ". This page loads nothing and runs no \
                        script. It shows names, sizes, and figures over many elements, and never an element of a tensor."
                    }
                }
            }
        }
    };
    page.into_string()
}

fn title(report: &Report) -> String {
    let what = match report.ran {
        Ran::Job => "Job",
        Ran::Filter => "Filter",
        Ran::Test => "Test",
        Ran::Checkpoint => "Checkpoint",
        Ran::Program => "Program",
    };
    match &report.job_id {
        Some(id) => format!("{what} {}", visible(id, 80)),
        None => what.to_owned(),
    }
}

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    content: Markup,
}

fn sections(report: &Report) -> Vec<Section> {
    let mut sections = vec![Section { id: "verdict", title: "What happened", content: top::verdict(report) }];
    let mut add = |id, title, content: Option<Markup>| {
        sections.extend(content.map(|content| Section { id, title, content }));
    };
    add("cases", "Test cases", cases::cases(report));
    add("results", "What left", outgoing::outgoing(report));
    add("filters", "What the filters did", filters::filters(report));
    add("timeline", "Timeline", timeline::timeline(report));
    add("components", "Components and their rights", components::components(report));
    add("storage", "Stored and deleted", storage::storage(report));
    sections
}
