//! The components: what each is, what it may do, and what it used.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::limits::limits;
use super::parts::{badge, bytes, code, digest, first, more, name, number, table, text, time};
use crate::model::{Component, Granted, Place, Report, Request};
use crate::text::visible;

const MAX_PLACES: usize = 100;
const MAX_COMPONENTS: usize = 60;
/// The components that have a card, and those that have a row, of all places together: a job may have many sites.
const MAX_CARDS: usize = 80;
const MAX_ROWS: usize = 600;
const MAX_REQUESTS: usize = 60;
const MAX_FAILURES: usize = 50;

/// One table of all, then each by itself, by place.
pub fn components(report: &Report) -> Option<Markup> {
    let (places, more_places) = first(&report.places, MAX_PLACES);
    let cards = cards(places);
    (!places.is_empty()).then(|| {
        html! {
            (overview(places, &cards))
            @for (at, place) in places.iter().enumerate() { (at_place(at, place, &cards)) }
            (more(more_places as u64, "place"))
        }
    })
}

/// Which components have a card: by place and number, those first that failed or were refused something.
fn cards(places: &[Place]) -> BTreeSet<(usize, usize)> {
    let all = places.iter().enumerate().flat_map(|(at, place)| {
        let components = place.components.iter().enumerate().take(MAX_COMPONENTS);
        components.map(move |(index, component)| {
            let quiet = component.failures.is_empty() && component.usage.refusals == 0;
            (quiet, at, index)
        })
    });
    let mut all: Vec<_> = all.collect();
    all.sort_unstable();
    all.into_iter().take(MAX_CARDS).map(|(_, at, index)| (at, index)).collect()
}

fn overview(places: &[Place], cards: &BTreeSet<(usize, usize)>) -> Markup {
    let head = [
        ("component", ""),
        ("place", ""),
        ("calls", "number"),
        ("time", "number"),
        ("peak memory", "number"),
        ("host calls", "number"),
        ("read", "number"),
        ("written", "number"),
        ("failures", "number"),
        ("refused calls", "number"),
    ];
    let all = places.iter().enumerate().flat_map(|(at, place)| {
        let components = place.components.iter().enumerate().take(MAX_COMPONENTS);
        components.map(move |(index, component)| (at, place, index, component))
    });
    let all: Vec<_> = all.collect();
    let (shown, rest) = first(&all, MAX_ROWS);
    let rows = html! {
        @for (at, place, index, component) in shown {
            @let usage = &component.usage;
            tr {
                    th scope="row" {
                        @if cards.contains(&(*at, *index)) { a href={ "#c-" (at) "-" (index) } { (name(&component.id)) } }
                        @else { (name(&component.id)) }
                    }
                    td { (name(&place.name)) }
                    @let known = |figure: Markup| if component.of_trail { unknown() } else { figure };
                    td.number { (known(number(usage.calls))) }
                    td.number { (known(time(usage.seconds))) }
                    td.number { (known(bytes(usage.peak_memory))) }
                    td.number { (number(usage.host_calls_total())) }
                    td.number { (known(bytes(usage.bytes_read))) }
                    td.number { (known(bytes(usage.bytes_written))) }
                    td.number { (known(number(component.failures.len() as u64))) }
                    td.number { (number(usage.refusals)) }
            }
        }
    };
    html! {
        (table("Components", "overview", "What each used in all", &head, rows))
        (more(rest as u64, "component"))
    }
}

fn at_place(at: usize, place: &Place, cards: &BTreeSet<(usize, usize)>) -> Markup {
    let shown = place.components.iter().enumerate().filter(|(index, _)| cards.contains(&(at, *index)));
    let shown: Vec<_> = shown.collect();
    let rest = place.components.len() - shown.len();
    html! {
        div.place {
            h3 {
                (name(&place.name))
                @if !place.components.iter().any(|component| component.of_trail) {
                    " " span.muted { (number(place.events)) " events" }
                }
            }
            @if let Some(fatal) = &place.fatal {
                p { (badge("bad", "✕ ended the run")) " " (name(&fatal.component)) ": " (text(&fatal.reason)) }
            }
            @for (index, component) in shown { (card(&format!("c-{at}-{index}"), component)) }
            (more(rest as u64, "component"))
            @if !place.engine.is_empty() {
                details.others {
                    summary { "Left to the FL engine: " (number(place.engine.len() as u64)) }
                    ul { @for part in place.engine.iter().take(MAX_COMPONENTS) { li { (name(&part.id)) " " span.muted { (code(&part.class)) } } } }
                }
            }
        }
    }
}

fn card(id: &str, component: &Component) -> Markup {
    let refused = component.failures.len() as u64;
    html! {
        article.card.component id=(id) data-calls=[(!component.of_trail).then_some(component.usage.calls)] {
            h4 {
                (name(&component.id))
                @if component.name != component.id { " " span.muted { (name(&component.name)) } }
            }
            p.badges {
                // What is built in is as old as the program: it need not be pinned, and may be.
                @if component.built_in { (badge("plain", "built in")) }
                @if component.pinned { (badge("good", "✓ pinned")) }
                @else if !component.built_in { (badge("warning", "! not pinned")) }
                @for role in component.roles.iter().take(10) { (badge("plain", &visible(role, 40))) }
                @if refused > 0 { (badge("bad", &format!("✕ {}", crate::text::counted(refused, "failure")))) }
            }
            (identity(component))
            (facts(component))
            @if !component.requested.is_empty() || !component.unasked.is_empty() { (rights(component)) }
            @if !component.limits.is_empty() { (limits(&component.limits, &visible(&component.id, 80))) }
            @if refused > 0 { (failures(component)) }
        }
    }
}

fn identity(component: &Component) -> Markup {
    html! {
        p.identity {
            span { "sha256 " (digest(component.sha256.as_deref())) }
            @if let Some(size) = component.size { span { (bytes(size)) } }
            @if let Some(version) = &component.wit_version { span { "for flip:fl " (name(version)) } }
        }
    }
}

fn facts(component: &Component) -> Markup {
    let usage = &component.usage;
    html! {
        @if component.of_trail {
            p.muted { "An audit trail is all that is known of it: neither what it asks for, nor its calls, times, bytes and memory." }
        }
        dl.facts {
            @if !component.of_trail {
                div { dt { "calls" } dd { (number(usage.calls)) } }
                div { dt { "time" } dd { (time(usage.seconds)) } }
                div { dt { "peak memory" } dd { (bytes(usage.peak_memory)) } }
                div { dt { "read" } dd { (bytes(usage.bytes_read)) } }
                div { dt { "written" } dd { (bytes(usage.bytes_written)) } }
            }
            div { dt { "refused calls" } dd { (number(usage.refusals)) } }
            div.wide {
                dt { @if component.of_trail { "host calls that a trail notes" } @else { "host calls" } }
                dd {
                    (number(usage.host_calls_total()))
                    @for (interface, calls) in usage.host_calls.iter().filter(|(_, calls)| **calls > 0).take(30) {
                        span.part { (name(interface)) " " (number(*calls)) }
                    }
                }
            }
        }
    }
}

fn rights(component: &Component) -> Markup {
    let (shown, rest) = first(&component.requested, MAX_REQUESTS);
    let rows = html! {
        @for request in shown { (right(request)) }
        @for line in component.unasked.iter().take(MAX_REQUESTS) {
            tr {
                @if component.of_trail {
                    th scope="row" { (unknown()) }
                    td { (unknown()) }
                } @else {
                    th scope="row" { span.muted { "nothing" } }
                    td { span.muted { "It does not ask for it." } }
                }
                td { code.grant { (text(line)) } }
            }
        }
    };
    let label = format!("Rights of {}", visible(&component.id, 80));
    let head = [("requested", ""), ("which lets it", ""), ("granted by the policy", "")];
    html! {
        (table(&label, "rights", "Rights, as requested and as granted", &head, rows))
        (more(rest as u64, "interface"))
    }
}

fn unknown() -> Markup {
    html! { span.muted { "not known" } }
}

fn right(request: &Request) -> Markup {
    let functions = request.functions.iter().take(MAX_REQUESTS).map(|function| {
        let plain = function.split_once(']').map_or(function.as_str(), |(_, name)| name);
        visible(plain, 80)
    });
    let functions = functions.collect::<Vec<_>>().join(", ");
    html! {
        tr {
            th scope="row" { (code(&request.interface)) }
            td {
                @match &request.capability {
                    Some(capability) => (text(capability)),
                    None => (badge("bad", "✕ not offered by this host")),
                }
                @if !functions.is_empty() { p.functions { (text(&functions)) } }
            }
            td {
                @match &request.granted {
                    Granted::Always => span.muted { "every component has it" },
                    Granted::Nothing => strong { "nothing" },
                    Granted::Policy(line) => code.grant { (text(line)) },
                }
            }
        }
    }
}

fn failures(component: &Component) -> Markup {
    let (shown, rest) = first(&component.failures, MAX_FAILURES);
    let rows = html! {
        @for failure in shown {
            tr {
                th scope="row" { (name(&failure.what)) }
                td { (code(&failure.code)) }
                td { (text(&failure.error)) }
            }
        }
    };
    let label = format!("Failures of {}", visible(&component.id, 80));
    html! {
        (table(&label, "", "Failures", &[("in", ""), ("kind", ""), ("what happened", "")], rows))
        (more(rest as u64, "failure"))
    }
}
