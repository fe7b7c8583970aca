//! The components: what each is, what it may do, and what it used.

use maud::{Markup, html};

use super::limits::limits;
use super::parts::{badge, bytes, code, digest, first, more, name, number, table, text, time};
use crate::model::{Component, Granted, Place, Report, Request};
use crate::text::visible;

const MAX_PLACES: usize = 100;
const MAX_COMPONENTS: usize = 60;
const MAX_REQUESTS: usize = 60;
const MAX_FAILURES: usize = 50;

/// One table of all, then each by itself, by place.
pub fn components(report: &Report) -> Option<Markup> {
    let (places, more_places) = first(&report.places, MAX_PLACES);
    (!places.is_empty()).then(|| {
        html! {
            (overview(places))
            @for (at, place) in places.iter().enumerate() { (at_place(at, place)) }
            (more(more_places as u64, "place"))
        }
    })
}

fn overview(places: &[Place]) -> Markup {
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
    ];
    let rows = html! {
        @for (at, place) in places.iter().enumerate() {
            @for (index, component) in place.components.iter().enumerate().take(MAX_COMPONENTS) {
                @let usage = &component.usage;
                tr {
                    th scope="row" { a href={ "#c-" (at) "-" (index) } { (name(&component.id)) } }
                    td { (name(&place.name)) }
                    td.number { (number(usage.calls)) }
                    td.number { (time(usage.seconds)) }
                    td.number { (bytes(usage.peak_memory)) }
                    td.number { (number(usage.host_calls_total())) }
                    td.number { (bytes(usage.bytes_read)) }
                    td.number { (bytes(usage.bytes_written)) }
                    td.number { (number(component.failures.len() as u64)) }
                }
            }
        }
    };
    table("Components", "overview", "What each used in all", &head, rows)
}

fn at_place(at: usize, place: &Place) -> Markup {
    let (shown, rest) = first(&place.components, MAX_COMPONENTS);
    html! {
        div.place {
            h3 { (name(&place.name)) " " span.muted { (number(place.events)) " events" } }
            @if let Some(fatal) = &place.fatal {
                p { (badge("bad", "✕ ended the run")) " " (name(&fatal.component)) ": " (text(&fatal.reason)) }
            }
            @for (index, component) in shown.iter().enumerate() { (card(&format!("c-{at}-{index}"), component)) }
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
        article.card.component id=(id) data-calls=(component.usage.calls) {
            h4 {
                (name(&component.id))
                @if component.name != component.id { " " span.muted { (name(&component.name)) } }
            }
            p.badges {
                @if component.built_in { (badge("plain", "built in")) }
                @else if component.pinned { (badge("good", "✓ pinned")) }
                @else { (badge("warning", "! not pinned")) }
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
        dl.facts {
            div { dt { "calls" } dd { (number(usage.calls)) } }
            div { dt { "time" } dd { (time(usage.seconds)) } }
            div { dt { "peak memory" } dd { (bytes(usage.peak_memory)) } }
            div { dt { "read" } dd { (bytes(usage.bytes_read)) } }
            div { dt { "written" } dd { (bytes(usage.bytes_written)) } }
            div.wide {
                dt { "host calls" }
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
            tr { th scope="row" { span.muted { "nothing" } } td { span.muted { "It does not ask for it." } } td { code.grant { (text(line)) } } }
        }
    };
    let label = format!("Rights of {}", visible(&component.id, 80));
    let head = [("requested", ""), ("which lets it", ""), ("granted by the policy", "")];
    html! {
        (table(&label, "rights", "Rights, as requested and as granted", &head, rows))
        (more(rest as u64, "interface"))
    }
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
