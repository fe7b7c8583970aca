//! The magnitudes of elements before and after a filter, drawn over a logarithmic axis.

use std::fmt::Write;

use maud::{Markup, html};

use super::parts::rounded;
use crate::model::{Distribution, Histogram};
use crate::text::{count, figure, superscript};

/// The most bins that are drawn: of more, some are taken together.
const MAX_BINS: usize = 96;

/// The bins of a small drawing in a table.
const SPARK_BINS: usize = 24;

/// A bar this many times lower than the highest is not seen: the axis does not begin with such ones.
const UNSEEN: u64 = 400;

/// The height of a drawing, in its own units.
const HEIGHT: f64 = 100.0;

/// Bins that are ready to be drawn.
struct Bins {
    before: Vec<u64>,
    after: Vec<u64>,
    /// The common logarithm of the first edge.
    from: f64,
    /// That of the last.
    to: f64,
    highest: u64,
}

impl Bins {
    /// At most `most` bins, from the first that is seen or has a mark to the last; what is below is in the first.
    fn of(histogram: &Histogram, marks: &[f64], most: usize) -> Option<Self> {
        let (first, step) = histogram.scale()?;
        let bins = histogram.before.len().max(histogram.after.len());
        let sides = [&histogram.before, &histogram.after];
        let highest = sides.into_iter().flatten().copied().max().unwrap_or(0);
        let has = |index: &usize, least: u64| {
            sides.iter().any(|bins| bins.get(*index).is_some_and(|count| *count > least))
        };
        let marked =
            marks.iter().map(|mark| (((mark.log10() - first) / step) as usize).min(bins.saturating_sub(1)));
        let seen = (0..bins).find(|index| has(index, highest / UNSEEN));
        let low = seen.into_iter().chain(marked.clone()).min()?.saturating_sub(1);
        let last = (0..bins).rev().find(|index| has(index, 0));
        let high = last.into_iter().chain(marked).max()?.saturating_add(2).min(bins);
        let group = (high - low).div_ceil(most).max(1);
        let grouped = |counts: &[u64]| -> Vec<u64> {
            let sum = |counts: &[u64]| counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
            let (below, shown) = counts.split_at_checked(low).unwrap_or((counts, &[]));
            let mut grouped: Vec<u64> = shown.chunks(group).map(sum).collect();
            grouped.resize((high - low).div_ceil(group), 0);
            if let Some(first) = grouped.first_mut() {
                *first = first.saturating_add(sum(below));
            }
            grouped
        };
        let (before, after) = (grouped(&histogram.before), grouped(&histogram.after));
        let highest = before.iter().chain(&after).copied().max().unwrap_or(0).max(1);
        let from = first + step * low as f64;
        let to = from + step * (group * before.len()) as f64;
        (from.is_finite() && to.is_finite() && to > from).then_some(Self { before, after, from, to, highest })
    }

    /// Where a magnitude is, in percent of the width.
    fn place(&self, magnitude: f64) -> f64 {
        (100.0 * (magnitude.log10() - self.from) / (self.to - self.from)).clamp(0.0, 100.0)
    }

    /// The outline of some bins over the axis.
    fn outline(&self, counts: &[u64], height: f64) -> String {
        let mut path = format!("M0 {}", rounded(height));
        for (index, count) in counts.iter().enumerate() {
            let top = height - height * (*count as f64 / self.highest as f64);
            // What is there is seen, however little it is.
            let top = if *count > 0 { top.min(height * 0.985) } else { height };
            let _ = write!(path, "V{}H{}", rounded(top), index + 1);
        }
        let _ = write!(path, "V{}Z", rounded(height));
        path
    }
}

/// The whole drawing, with its axis, and the cutoff and gamma marked.
pub fn plot(change: &Distribution, label: &str) -> Markup {
    let marks = [("cutoff", change.cutoff), ("gamma", change.gamma)];
    let marks: Vec<_> =
        marks.into_iter().filter_map(|(name, at)| Some((name, at.filter(|at| *at > 0.0)?))).collect();
    let places: Vec<f64> = marks.iter().map(|(_, at)| *at).filter(|at| at.is_finite()).collect();
    let Some(histogram) = &change.histogram else { return html! { p.muted { "There is no histogram." } } };
    let Some(bins) = Bins::of(histogram, &places, MAX_BINS) else {
        return html! { p.muted { "The histogram has no bins that can be drawn." } };
    };
    let label = format!("{label}: how many elements have which magnitude, before and after the filter");
    html! {
        figure.plot {
            figcaption {
                span.key { i.before {} "before" }
                span.key { i.after {} "after" }
                span.muted { "number of elements by |Δw|; the highest bar is " (count(bins.highest)) }
            }
            div.area {
                svg role="img" aria-label=(label) viewBox={ "0 0 " (bins.before.len()) " " (HEIGHT) } preserveAspectRatio="none" {
                    path.before d=(bins.outline(&bins.before, HEIGHT)) {}
                    path.after d=(bins.outline(&bins.after, HEIGHT)) {}
                }
                @for (name, at) in &marks {
                    @let place = bins.place(*at);
                    div class={ "line " (name) @if place > 55.0 { " flip" } } style={ "left:" (rounded(place)) "%" } {
                        span { (name) " " (figure(*at)) }
                    }
                }
            }
            div.ticks aria-hidden="true" {
                @for power in powers(bins.from, bins.to) {
                    span style={ "left:" (rounded(bins.place(10_f64.powi(power)))) "%" } { "10" (superscript(power)) }
                }
            }
        }
    }
}

/// Powers of ten between two logarithms, at most six or so.
fn powers(from: f64, to: f64) -> Vec<i32> {
    let (first, last) = (from.ceil() as i32, to.floor() as i32);
    let every = usize::try_from((last.saturating_sub(first)) / 6 + 1).unwrap_or(1);
    (first..=last).step_by(every.max(1)).take(12).collect()
}

/// A small drawing without an axis.
pub fn spark(histogram: Option<&Histogram>) -> Markup {
    let Some(bins) = histogram.and_then(|histogram| Bins::of(histogram, &[], SPARK_BINS)) else {
        return html! {};
    };
    html! {
        svg.spark aria-hidden="true" viewBox={ "0 0 " (bins.before.len()) " 20" } preserveAspectRatio="none" {
            path.before d=(bins.outline(&bins.before, 20.0)) {}
            path.after d=(bins.outline(&bins.after, 20.0)) {}
        }
    }
}
