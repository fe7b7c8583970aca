//! The magnitudes of elements before and after a filter, drawn over a logarithmic axis.

use std::fmt::Write;

use maud::{Markup, html};

use super::parts::rounded;
use crate::model::{Change, Distribution, Histogram};
use crate::text::{count, figure, superscript};

/// The most bins that are drawn: of more, some are taken together.
const MAX_BINS: usize = 96;

/// The bins of a small drawing in a table.
const SPARK_BINS: usize = 24;

/// The most cutoffs, and gammas, of stages that are marked in a drawing.
const MAX_STAGES: usize = 6;

/// A bar this many times lower than the highest is not seen: the axis does not begin with such ones.
const UNSEEN: u64 = 400;

/// The height of a drawing, in its own units.
const HEIGHT: f64 = 100.0;

/// A magnitude at which a filter cuts, and what it is called.
type Mark = (&'static str, f64);

/// One of the magnitudes of a distribution that can be marked.
type Cut = fn(&Distribution) -> Option<f64>;

/// What can be marked.
const CUTS: [(&str, Cut); 2] = [("cutoff", |change| change.cutoff), ("gamma", |change| change.gamma)];

/// The cutoff and gamma of a tensor: its own, or else those of all.
fn marks_of(change: &Distribution, all: &Distribution) -> Vec<Mark> {
    let marks = CUTS.into_iter().filter_map(|(name, of)| Some((name, of(change).or(of(all))?)));
    marks.filter(|(_, at)| is_place(*at)).collect()
}

/// Those of the stages, each once.
fn marks_of_stages(change: &Change) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for (name, of) in CUTS {
        let end = marks.len() + MAX_STAGES;
        for at in change.tensors.iter().filter_map(|tensor| of(&tensor.change)).filter(|at| is_place(*at)) {
            if marks.len() < end && !marks.contains(&(name, at)) {
                marks.push((name, at));
            }
        }
    }
    marks
}

/// Whether a magnitude has a place on a logarithmic axis.
fn is_place(magnitude: f64) -> bool {
    magnitude.is_finite() && magnitude > 0.0
}

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
    fn of(histogram: &Histogram, marks: &[Mark], most: usize) -> Option<Self> {
        let (first, step) = histogram.scale()?;
        let bins = histogram.before.len().max(histogram.after.len());
        let sides = [&histogram.before, &histogram.after];
        let highest = sides.into_iter().flatten().copied().max().unwrap_or(0);
        let has = |index: &usize, least: u64| {
            sides.iter().any(|bins| bins.get(*index).is_some_and(|count| *count > least))
        };
        let marked =
            marks.iter().map(|(_, at)| (((at.log10() - first) / step) as usize).min(bins.saturating_sub(1)));
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

    /// A line from top to bottom at each mark.
    fn lines(&self, marks: &[Mark], height: f64) -> String {
        let mut path = String::new();
        for (_, at) in marks {
            let along = self.place(*at) / 100.0 * self.before.len() as f64;
            let _ = write!(path, "M{} 0V{}", rounded(along), rounded(height));
        }
        path
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

/// The whole drawing, with its axis, and the cutoff and gamma marked, or those of the stages.
pub fn plot(change: &Change, label: &str) -> Markup {
    let staged = change.is_staged();
    let marks = if staged { marks_of_stages(change) } else { marks_of(&change.all, &change.all) };
    let Some(histogram) = &change.all.histogram else {
        return html! { p.muted { "There is no histogram." } };
    };
    let Some(bins) = Bins::of(histogram, &marks, MAX_BINS) else {
        return html! { p.muted { "The histogram has no bins that can be drawn." } };
    };
    let label = format!("{label}: how many elements have which magnitude, before and after the filter");
    html! {
        figure.plot {
            figcaption {
                span.key { i.before {} "before" }
                span.key { i.after {} "after" }
                @if staged { (key_of_stages(&marks)) }
                span.muted { "number of elements by |Δw|; the highest bar is " (count(bins.highest)) }
            }
            div.area {
                svg role="img" aria-label=(label) viewBox={ "0 0 " (bins.before.len()) " " (HEIGHT) } preserveAspectRatio="none" {
                    path.before d=(bins.outline(&bins.before, HEIGHT)) {}
                    path.after d=(bins.outline(&bins.after, HEIGHT)) {}
                }
                @for (name, at) in &marks {
                    @let place = bins.place(*at);
                    // Those of stages may be close together: the key says what they are.
                    @if staged { div class={ "line stage " (name) } style={ "left:" (rounded(place)) "%" } {} }
                    @else {
                        div class={ "line " (name) @if place > 55.0 { " flip" } } style={ "left:" (rounded(place)) "%" } {
                            span { (name) " " (figure(*at)) }
                        }
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

/// What the lines of the stages are.
fn key_of_stages(marks: &[Mark]) -> Markup {
    let cuts = marks.chunk_by(|(one, _), (next, _)| one == next).filter_map(|marks| {
        let (name, _) = marks.first()?;
        let figures: Vec<_> = marks.iter().map(|(_, at)| figure(*at)).collect();
        Some((*name, figures.join(", ")))
    });
    html! { @for (name, figures) in cuts { span.key { i class=(name) {} (name) "s of stages: " (figures) } } }
}

/// Powers of ten between two logarithms, at most six or so.
fn powers(from: f64, to: f64) -> Vec<i32> {
    let (first, last) = (from.ceil() as i32, to.floor() as i32);
    let every = usize::try_from((last.saturating_sub(first)) / 6 + 1).unwrap_or(1);
    (first..=last).step_by(every.max(1)).take(12).collect()
}

/// A small drawing without an axis, and the cutoff and gamma marked: its own, or else those of all.
pub fn spark(change: &Distribution, all: &Distribution) -> Markup {
    let marks = marks_of(change, all);
    let histogram = change.histogram.as_ref();
    let Some(bins) = histogram.and_then(|histogram| Bins::of(histogram, &marks, SPARK_BINS)) else {
        return html! {};
    };
    html! {
        svg.spark aria-hidden="true" viewBox={ "0 0 " (bins.before.len()) " 20" } preserveAspectRatio="none" {
            path.before d=(bins.outline(&bins.before, 20.0)) {}
            path.after d=(bins.outline(&bins.after, 20.0)) {}
            @if !marks.is_empty() { path.cuts d=(bins.lines(&marks, 20.0)) {} }
        }
    }
}
