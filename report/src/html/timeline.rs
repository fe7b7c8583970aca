//! What happened when: a lane for each place, and tables of what matters and of what is only counted.

use indexmap::IndexMap;
use maud::{Markup, html};

use super::marks::{Lane, Mark, Marks, Row};
use super::parts::{first, more, name, number, rounded, table, text, time};
use crate::model::{Kind, Moment, Report};
use crate::text::{count, counted, duration, visible};

/// The moments that have a row in the table.
const MAX_ROWS: usize = 400;

/// The kinds of ordinary moments that are counted one by one.
const MAX_TYPES: usize = 60;

/// The longest type of an event in a bar's hint, in characters.
const MAX_TYPE: usize = 40;

/// Longest texts in a mark and its hint, in characters.
const MAX_TEXT: usize = 60;

/// The lanes and the tables.
pub fn timeline(report: &Report) -> Option<Markup> {
    if report.timeline.is_empty() {
        return None;
    }
    let marks = Marks::of(report);
    let notable = notable(&report.timeline);
    Some(html! {
        (legend(report))
        div.lanes {
            @for (place, lane) in &marks.lanes { (lane_of(place, lane, &notable)) }
            (axis(marks.begin, marks.end))
        }
        (more(marks.left_out, "place"))
        (left_out(report))
        (table_of_notable(&report.timeline, &notable))
        (table_of_types(&report.timeline))
    })
}

/// Where the notable moments are, the most serious of them where there are many, in the order of time.
fn notable(timeline: &[Moment]) -> Vec<usize> {
    let all = timeline.iter().enumerate().filter(|(_, moment)| moment.kind.is_notable());
    let mut all: Vec<_> = all.map(|(index, moment)| (moment.kind.rank(), index)).collect();
    all.sort_unstable();
    all.truncate(MAX_ROWS);
    let mut indices: Vec<_> = all.into_iter().map(|(_, index)| index).collect();
    indices.sort_unstable();
    indices
}

/// Says what is not shown, by kind.
fn left_out(report: &Report) -> Markup {
    let mut kinds: Vec<_> = report.left_out_by_kind.iter().collect();
    kinds.sort_by_key(|(kind, _)| kind.rank());
    let kinds: Vec<_> = kinds
        .into_iter()
        .map(|(kind, number)| format!("{} × {}", count(*number), kind_words(*kind)))
        .collect();
    html! {
        @if report.timeline_left_out > 0 {
            p.muted {
                (counted(report.timeline_left_out, "more moment")) " that the report does not have"
                @if !kinds.is_empty() { ": " (kinds.join(", ")) } "."
            }
        }
    }
}

fn legend(report: &Report) -> Markup {
    let there =
        Kind::ALL.into_iter().filter(|kind| report.timeline.iter().any(|moment| moment.kind == *kind));
    html! {
        ul.legend aria-label="Signs" {
            @for kind in there { li { span class={ "sign " (kind.name()) } aria-hidden="true" {} (kind_words(kind)) } }
        }
    }
}

fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Left => "data left",
        Kind::Hub => "told the hub",
        Kind::Other => "something else",
        kind => kind.name(),
    }
}

fn lane_of(place: &str, lane: &Lane<'_>, notable: &[usize]) -> Markup {
    let most =
        lane.rows.get(&Row::Events).into_iter().flatten().map(|mark| mark.times).max().unwrap_or(1).max(1);
    html! {
        div.lane role="group" aria-label=(visible(place, MAX_TEXT)) {
            div.lane-name { (name(place)) }
            div.track {
                @for (row, marks) in &lane.rows {
                    @match row {
                        Row::Events => div.row.events {
                            @for mark in marks { (event(mark, most)) }
                        },
                        Row::Work => div.row.work { @for mark in marks { (mark_of(mark, notable)) } },
                        Row::Effects => div.row.effects { @for mark in marks { (mark_of(mark, notable)) } },
                    }
                }
            }
        }
    }
}

/// A bar as high as there were events; the table below counts them.
fn event(mark: &Mark<'_>, most: u64) -> Markup {
    let height = 20.0 + 80.0 * (mark.times as f64).ln_1p() / (most as f64).ln_1p();
    let first =
        mark.told.first().map(|(_, moment)| format!(", at {}", duration(moment.at))).unwrap_or_default();
    let mut types: Vec<_> = mark.told.iter().map(|(_, moment)| visible(&moment.text, MAX_TYPE)).collect();
    types.dedup();
    let all = mark.told.iter().fold(0_u64, |sum, (_, moment)| sum.saturating_add(moment.times.max(1)));
    let more = if mark.times > all { " and others" } else { "" };
    let label = format!("{}{first}: {}{more}", counted(mark.times, "event"), types.join(", "));
    let style = format!("left:{}%;height:{}%", rounded(mark.start * 100.0), rounded(height));
    // The style shows the label beside the bar that is pointed at or has the focus.
    let side = (mark.start > 0.5).then_some("from-right");
    html! { i class=[side] style=(style) tabindex="0" role="img" aria-label=(label) {} }
}

fn mark_of(mark: &Mark<'_>, notable: &[usize]) -> Markup {
    let row = mark.told.iter().find(|(index, _)| notable.binary_search(index).is_ok());
    let target = row.map(|(index, _)| format!("#m-{index}"));
    let mut style = format!("left:{}%", rounded(mark.start * 100.0));
    if matches!(mark.kind, Kind::Task | Kind::Filter) {
        style.push_str(&format!(";width:{}%", rounded((mark.end - mark.start) * 100.0)));
    }
    let side = if mark.start > 0.5 { "mark from-right" } else { "mark" };
    let class = format!("{side} {}", mark.kind.name());
    let told: Vec<_> = mark.told.iter().map(|(_, moment)| told(moment)).collect();
    let others =
        mark.times.saturating_sub(mark.told.iter().fold(0, |sum, (_, m)| m.times.max(1).saturating_add(sum)));
    let label = match others {
        0 => told.join("; "),
        _ => format!("{}; {} more close to it", told.join("; "), count(others)),
    };
    let content = html! {
        span class={ "sign " (mark.kind.name()) } aria-hidden="true" {}
        @if mark.times > 1 { span.times data-times=(count(mark.times)) {} }
        span.tip aria-hidden="true" {
            @for line in &told { span.line { bdi { (line) } } }
            @if others > 0 { span.line { (count(others)) " more close to it" } }
        }
    };
    html! {
        @match target {
            Some(target) => a class=(class) style=(style) href=(target) aria-label=(label) { (content) },
            None => span class=(class) style=(style) tabindex="0" role="img" aria-label=(label) { (content) },
        }
    }
}

/// What a mark says of one moment.
fn told(moment: &Moment) -> String {
    let mut line =
        format!("{} {}: {}", duration(moment.at), kind_words(moment.kind), visible(&moment.text, MAX_TEXT));
    if let Some(component) = &moment.component {
        line.push_str(&format!(" ({})", visible(component, MAX_TEXT)));
    }
    if let Some(outcome) = &moment.outcome {
        line.push_str(&format!(" – {}", visible(outcome, MAX_TEXT)));
    }
    if let Some(seconds) = moment.seconds {
        line.push_str(&format!(", {}", duration(seconds)));
    }
    if moment.times > 1 {
        line.push_str(&format!(", {} times", count(moment.times)));
    }
    line
}

fn axis(begin: f64, end: f64) -> Markup {
    html! {
        div.axis aria-hidden="true" {
            @for (class, share) in [("start", 0.0), ("", 0.25), ("", 0.5), ("", 0.75), ("end", 1.0)] {
                span class=(class) style={ "left:" (rounded(share * 100.0)) "%" } { (duration(begin + (end - begin) * share)) }
            }
        }
    }
}

fn table_of_notable(timeline: &[Moment], notable: &[usize]) -> Markup {
    let all = timeline.iter().filter(|moment| moment.kind.is_notable()).count();
    let rows = html! {
        @for (index, moment) in notable.iter().filter_map(|index| Some((index, timeline.get(*index)?))) {
            tr id={ "m-" (index) } {
                td.number { (time(moment.at)) }
                td { (name(&moment.place)) }
                td.nowrap { span class={ "sign " (moment.kind.name()) } aria-hidden="true" {} (kind_words(moment.kind)) }
                th scope="row" {
                    (text(&moment.text))
                    @if moment.times > 1 { " " span.muted { "× " (number(moment.times)) } }
                }
                td { @if let Some(component) = &moment.component { (name(component)) } }
                td { @match &moment.outcome { Some(outcome) => (text(outcome)), None => "as asked" } }
            }
        }
    };
    let head =
        [("after", "number"), ("place", ""), ("kind", ""), ("what", ""), ("component", ""), ("outcome", "")];
    html! {
        @if !notable.is_empty() {
            (table("Notable moments", "moments", "What changed something outside the sandbox, or kept something in", &head, rows))
            (more((all - notable.len()) as u64, "notable moment"))
        }
    }
}

fn table_of_types(timeline: &[Moment]) -> Markup {
    let mut types: IndexMap<(&'static str, &str), u64> = IndexMap::new();
    for moment in timeline.iter().filter(|moment| !moment.kind.is_notable()) {
        let times = types.entry((kind_words(moment.kind), moment.text.as_str())).or_default();
        *times = times.saturating_add(moment.times.max(1));
    }
    types.sort_by(|_, one, _, other| other.cmp(one));
    let types: Vec<_> = types.into_iter().collect();
    let (shown, rest) = first(&types, MAX_TYPES);
    let rows = html! {
        @for ((kind, what), times) in shown {
            tr { th scope="row" { (name(what)) } td { (kind) } td.number { (number(*times)) } }
        }
    };
    let head = [("what", ""), ("kind", ""), ("times", "number")];
    html! {
        @if !shown.is_empty() {
            details.others {
                summary { "Events, tasks, filters and files, counted" }
                (table("Ordinary moments", "counts", "What else there was, by its number", &head, rows))
                (more(rest as u64, "type"))
            }
        }
    }
}
