//! What the filters did to each update.

use maud::{Markup, html};

use super::histogram::{plot, spark};
use super::parts::{badge, bar, first, more, name, number, number_of, percent, table, text};
use super::tensors::tensors;
use crate::model::{Applied, Change, Distribution, Leaf, Outcome, Outgoing, Report};
use crate::text::visible;

/// The leaves that have a row.
const MAX_LEAVES: usize = 500;

/// The leaves whose change is drawn.
const MAX_DRAWN: usize = 60;

/// The tensors that have a row, in all tables together.
const MAX_TENSORS: usize = 1_600;

/// A leaf, and how it came there.
type Seen<'a> = (&'a Outgoing, &'a Applied, &'a Leaf);

/// One table of all updates, then each by itself.
pub fn filters(report: &Report) -> Option<Markup> {
    let all: Vec<Seen<'_>> = report
        .results
        .iter()
        .flat_map(|result| {
            result
                .filters
                .iter()
                .flat_map(move |filter| filter.leaves.iter().map(move |leaf| (result, filter, leaf)))
        })
        .collect();
    if all.is_empty() {
        return None;
    }
    let (shown, rest) = first(&all, MAX_LEAVES);
    let changed =
        shown.iter().filter_map(|(result, filter, leaf)| Some((result, filter, leaf, leaf.change.as_ref()?)));
    let changed: Vec<_> = changed.collect();
    let (drawn, undrawn) = first(&changed, MAX_DRAWN);
    let room = MAX_TENSORS / drawn.len().max(1);
    Some(html! {
        (overview(shown))
        (more(rest as u64, "update"))
        @for (index, (result, filter, leaf, change)) in drawn.iter().enumerate() {
            details.update open[index == 0] {
                summary {
                    strong { (name(&result.task)) } " from " (name(&result.at)) ", by " (name(&filter.id))
                    @if !leaf.path.is_empty() { ", " (name(&leaf.path)) }
                }
                (update(leaf, change, room, &format!("{} from {}", visible(&result.task, 60), visible(&result.at, 60))))
            }
        }
        (more(undrawn as u64, "drawing"))
    })
}

fn overview(all: &[Seen<'_>]) -> Markup {
    let head = [
        ("update", ""),
        ("filter", ""),
        ("outcome", ""),
        ("|Δw| before, after", ""),
        ("zeroed", "number"),
        ("clipped", "number"),
        ("norm before", "number"),
        ("after", "number"),
        ("figures of the filter", ""),
    ];
    let rows = html! {
        @for (result, filter, leaf) in all {
            @let all = leaf.change.as_ref().map(|change| &change.all);
            tr {
                th scope="row" {
                    (name(&result.task)) br; span.muted { "from " (name(&result.at)) }
                    @if !leaf.path.is_empty() { br; (name(&leaf.path)) }
                }
                td { (name(&filter.id)) }
                td { (outcome(leaf)) }
                td { @if let Some(all) = all { (spark(all, all)) } }
                td.number { (percent(all.and_then(|all| all.zeroed))) }
                td.number { (percent(all.and_then(|all| all.clipped))) }
                td.number { (number_of(all.and_then(|all| all.norm.before))) }
                td.number { (number_of(all.and_then(|all| all.norm.after))) }
                td.gauges { (gauges(leaf)) }
            }
        }
    };
    table("Updates", "updates", "Each update, and what a filter did to it", &head, rows)
}

fn outcome(leaf: &Leaf) -> Markup {
    html! {
        @match leaf.outcome {
            Outcome::Filtered => (badge("good", "✓ filtered")),
            Outcome::Unchanged => (badge("warning", "! unchanged")),
            Outcome::PassedBy => (badge("warning", "! passed by")),
        }
        @if let Some(reason) = &leaf.reason { p { (text(reason)) } }
    }
}

fn gauges(leaf: &Leaf) -> Markup {
    html! { @for (gauge, value) in leaf.gauges.iter().take(20) { span.part { (name(gauge)) " " (number_of(*value)) } } }
}

fn update(leaf: &Leaf, change: &Change, room: usize, label: &str) -> Markup {
    html! {
        (figures(&change.all))
        (scale(leaf, change))
        @if change.is_staged() {
            p.muted {
                "The filter cuts each stage of the model by itself: the cutoffs and gammas stand with the tensors, \
                and the first six of each are marked here."
            }
        }
        (plot(change, label))
        (tensors(change, room, label))
    }
}

/// Why the cutoff and gamma that are marked are not those that the filter told.
fn scale(leaf: &Leaf, change: &Change) -> Markup {
    // Where it works in stages, it tells the steps of each; they are those of the update.
    let of_steps = |name: &str| name == "steps" || name.ends_with(": steps");
    let steps = leaf.gauges.iter().find_map(|(name, value)| value.filter(|_| of_steps(name)));
    let steps = steps.filter(|steps| *steps != 1.0);
    let marked = change.all.cutoff.is_some() || change.all.gamma.is_some() || change.is_staged();
    html! {
        @if let Some(steps) = steps.filter(|_| marked) {
            p.muted {
                "The filter divides an update by its " (number_of(Some(steps))) " steps before it looks for a cutoff: \
                marked here are cutoff and gamma times the steps, in the scale of Δw."
            }
        }
    }
}

fn figures(all: &Distribution) -> Markup {
    html! {
        dl.facts {
            div { dt { "zeroed" } dd { (percent(all.zeroed)) (bar("", all.zeroed.unwrap_or(0.0))) } }
            div { dt { "clipped" } dd { (percent(all.clipped)) (bar("second", all.clipped.unwrap_or(0.0))) } }
            div { dt { "norm" } dd { (number_of(all.norm.before)) " → " (number_of(all.norm.after)) } }
            div { dt { "every |Δw| is below" } dd { (number_of(all.max.before)) " → " (number_of(all.max.after)) } }
            div {
                dt { "elements" }
                dd {
                    (number(all.elements))
                    @if all.sampled < all.elements { ": the figures are estimates, from " (number(all.sampled)) " of them" }
                }
            }
            @if let Some(histogram) = &all.histogram {
                div { dt { "zeros" } dd { (number(histogram.zeros.before)) " → " (number(histogram.zeros.after)) } }
            }
        }
    }
}
