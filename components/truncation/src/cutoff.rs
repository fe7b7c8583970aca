//! The percentile of all magnitudes.

use order_statistics::{Position, Seen, Selected, Selection, Step};

use crate::outcome::{Settings, Truncated};
use crate::real::Real;
use crate::tensor::Profile;

/// The search for the cutoff and the extremes, computed as `T`, the widest type present.
#[derive(Debug)]
pub(crate) struct Cutoff<T: Real> {
    selection: Selection<T::Key>,
    position: Position,
    elements: u64,
    steps: T,
    /// Whether the magnitudes are selected as they are, and only what was selected is divided by the steps.
    pub selected_only: bool,
}

impl<T: Real> Cutoff<T> {
    /// `None` if there are no elements.
    pub fn new(profiles: &[Profile], settings: &Settings) -> Option<Self> {
        let steps = T::round(settings.steps);
        // Division by a positive number is monotone, and so is its rounding: with one type, it is enough to
        // divide what was selected. (Steps that round to 0 or infinity make NaN of numbers that are none.)
        let size = size_of::<T>();
        let alike = profiles.iter().all(|profile| profile.dtype.output().size() == size);
        let selected_only = alike && T::ZERO < steps && steps < T::INFINITY;
        let elements = profiles.iter().map(|profile| profile.len).sum();
        let position = Position::linear(elements, settings.percentile)?;
        let selection = Selection::new(elements, position.lower, position.upper);
        Some(Self { selection, position, elements, steps, selected_only })
    }

    pub fn take(&mut self, seen: Seen<T::Key>) {
        self.selection.take(seen);
    }

    pub fn next(&mut self) -> Step<T::Key> {
        self.selection.next()
    }

    /// What was found, without the zeros: these are counted when the tensors are truncated.
    pub fn found(&self, selected: Selected<T::Key>) -> Truncated {
        let value = |key| if self.selected_only { T::from_key(key) / self.steps } else { T::from_key(key) };
        let elements = self.elements;
        let max = value(selected.max).to_f64();
        if max.is_nan() {
            return Truncated { cutoff: max, min: max, max, elements, zeros: 0 };
        }
        let (lower, upper) = (value(selected.lower), value(selected.upper));
        let cutoff = interpolate(lower, upper, self.position.fraction).to_f64();
        Truncated { cutoff, min: value(selected.min).to_f64(), max, elements, zeros: 0 }
    }
}

/// NumPy's `_lerp`: from the nearer end, every operation rounded to `T`.
fn interpolate<T: Real>(a: T, b: T, t: f64) -> T {
    let difference = b - a;
    if t >= 0.5 { b - difference * T::round(1.0 - t) } else { a + difference * T::round(t) }
}
