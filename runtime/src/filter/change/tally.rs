//! What is counted of elements before and after. No figure says what a single element is: the largest magnitude is
//! given as a power of two that it does not reach, norms have four digits, and of a few elements there are shares
//! alone.

use flip_report::{Distribution, Histogram, Pair};

use crate::tensor::Dtype;

/// Of fewer elements than this, norm, histogram and largest magnitude would say what they are.
const FEW: u64 = 32;
/// Bins of magnitudes: from 2^LOWEST, each twice as wide as the one before.
const LOWEST: i32 = -40;
const BINS: usize = 48;

/// How far rounding alone may move an element: to divide a number and to multiply it again moves it by up to two
/// units in the last place.
#[derive(Clone, Copy)]
pub(super) struct Slack {
    /// As a share of the magnitude.
    relative: f64,
    /// What the smallest numbers move by.
    least: f64,
}

impl Slack {
    pub(super) fn of(dtype: Dtype) -> Self {
        let (digits, lowest) = match dtype {
            Dtype::Float16 => (10, -24),
            Dtype::Bfloat16 => (7, -133),
            Dtype::Float32 => (23, -149),
            Dtype::Float64 => (52, -1074),
            _ => return Self { relative: 0.0, least: 0.0 },
        };
        Self { relative: 2.0 * f64::from(-digits).exp2(), least: 2.0 * f64::from(lowest).exp2() }
    }

    fn at(self, magnitude: f64) -> f64 {
        (magnitude * self.relative).max(self.least)
    }
}

/// What is counted of elements; of a sample, scaled to what all of them come to.
pub(super) struct Tally {
    elements: u64,
    sampled: u64,
    zeroed: f64,
    clipped: f64,
    squares: Pair<f64>,
    max: Pair<f64>,
    zeros: Pair<f64>,
    bins: Pair<[f64; BINS]>,
    /// The first and the last bin that is not empty, before or after: most bins of most tensors are.
    used: (usize, usize),
}

impl Tally {
    /// Of so many elements, of which none was looked at yet.
    pub(super) fn new(elements: u64) -> Self {
        let bins = Pair { before: [0.0; BINS], after: [0.0; BINS] };
        let [squares, max, zeros] = [Pair::default(); 3];
        Self { elements, sampled: 0, zeroed: 0.0, clipped: 0.0, squares, max, zeros, bins, used: (BINS, 0) }
    }

    /// Looks at elements, as they were and as they are.
    pub(super) fn compare(&mut self, before: &[f64], after: &[f64], slack: Slack) {
        for (before, after) in before.iter().zip(after) {
            let (before, after) = (before.abs(), after.abs());
            self.sampled += 1;
            self.zeroed += f64::from(u8::from(before != 0.0 && after == 0.0));
            self.clipped += f64::from(u8::from(after != 0.0 && before - after > slack.at(before)));
            self.squares.before += before * before;
            self.squares.after += after * after;
            self.max.before = self.max.before.max(before);
            self.max.after = self.max.after.max(after);
            count(&mut self.bins.before, &mut self.zeros.before, before);
            count(&mut self.bins.after, &mut self.zeros.after, after);
        }
        let mut used =
            self.bins.before.iter().zip(&self.bins.after).map(|(before, after)| before + after > 0.0);
        if let Some(first) = used.clone().position(|used| used) {
            self.used = (first, used.rposition(|used| used).unwrap_or(first));
        }
    }

    /// As if the elements that were not looked at were like the others.
    pub(super) fn scale(&mut self) {
        let times = self.elements as f64 / self.sampled.max(1) as f64;
        let Self { zeroed, clipped, squares, zeros, bins, used, .. } = self;
        for count in [zeroed, clipped] {
            *count *= times;
        }
        for pair in [squares, zeros] {
            pair.before *= times;
            pair.after *= times;
        }
        for bins in [&mut bins.before, &mut bins.after] {
            bins.get_mut(used.0..=used.1).into_iter().flatten().for_each(|bin| *bin *= times);
        }
    }

    /// With those of another tensor.
    pub(super) fn join(&mut self, other: &Self) {
        self.elements = self.elements.saturating_add(other.elements);
        self.sampled += other.sampled;
        self.zeroed += other.zeroed;
        self.clipped += other.clipped;
        add(&mut self.squares, other.squares);
        add(&mut self.zeros, other.zeros);
        self.max.before = self.max.before.max(other.max.before);
        self.max.after = self.max.after.max(other.max.after);
        self.used = (self.used.0.min(other.used.0), self.used.1.max(other.used.1));
        let range = other.used.0..=other.used.1;
        for (bins, more) in
            [(&mut self.bins.before, &other.bins.before), (&mut self.bins.after, &other.bins.after)]
        {
            let (bins, more) = (bins.get_mut(range.clone()), more.get(range.clone()));
            bins.into_iter().flatten().zip(more.into_iter().flatten()).for_each(|(bin, more)| *bin += more);
        }
    }

    pub(super) fn distribution(&self, cutoff: Option<f64>, gamma: Option<f64>) -> Distribution {
        let share = |count: f64| (self.elements > 0).then(|| count / self.elements as f64);
        let shares = Distribution {
            elements: self.elements,
            sampled: self.sampled,
            zeroed: share(self.zeroed),
            clipped: share(self.clipped),
            cutoff,
            gamma,
            ..Distribution::default()
        };
        if self.elements < FEW {
            return shares;
        }
        let (first, last) = if self.used.0 > self.used.1 { (0, 0) } else { self.used };
        let whole = |bins: &[f64; BINS]| {
            let bins = bins.get(first..=last).unwrap_or_default();
            bins.iter().copied().map(nearest).collect()
        };
        let Pair { before, after } = self.zeros;
        Distribution {
            norm: Pair { before: norm(self.squares.before), after: norm(self.squares.after) },
            max: Pair { before: beyond(self.max.before), after: beyond(self.max.after) },
            histogram: Some(Histogram {
                first: f64::from(LOWEST + first as i32).exp2(),
                ratio: 2.0,
                before: whole(&self.bins.before),
                after: whole(&self.bins.after),
                zeros: Pair { before: nearest(before), after: nearest(after) },
            }),
            ..shares
        }
    }
}

/// The nearest whole count; what is left of a point is cut off, which is quicker than to round.
fn nearest(count: f64) -> u64 {
    (count + 0.5) as u64
}

/// The norm, in four digits: the difference of two says nothing of a tensor that is in one of them only.
fn norm(squares: f64) -> Option<f64> {
    Some(four_digits(squares.sqrt())).filter(|norm| norm.is_finite())
}

/// A magnitude in four digits. One that is none, or that is too small for that, stays as it is.
pub(crate) fn four_digits(magnitude: f64) -> f64 {
    // Of each of a thousand small tensors: to write the number and to read it again would take longer than all else.
    let digits = 3.0 - magnitude.log10().floor();
    if !(-300.0..=300.0).contains(&digits) {
        return magnitude;
    }
    let scale = 10_f64.powi(digits.abs() as i32);
    if digits < 0.0 { (magnitude / scale).round() * scale } else { (magnitude * scale).round() / scale }
}

/// The upper edge of the bin that a magnitude is in, as if there were a bin for each power of two.
fn beyond(magnitude: f64) -> Option<f64> {
    let edge = if magnitude == 0.0 { 0.0 } else { f64::from(exponent(magnitude) + 1).exp2() };
    Some(edge).filter(|edge| edge.is_finite())
}

fn exponent(magnitude: f64) -> i32 {
    (magnitude.to_bits() >> 52) as i32 - 1023
}

fn add(pair: &mut Pair<f64>, more: Pair<f64>) {
    pair.before += more.before;
    pair.after += more.after;
}

/// Counts a magnitude: the exponent says which bin.
fn count(bins: &mut [f64; BINS], zeros: &mut f64, magnitude: f64) {
    if magnitude == 0.0 {
        *zeros += 1.0;
    } else if !magnitude.is_nan() {
        let index = (exponent(magnitude) - LOWEST).clamp(0, BINS as i32 - 1) as usize;
        if let Some(bin) = bins.get_mut(index) {
            *bin += 1.0;
        }
    }
}
