//! The percentile of all magnitudes.

use order_statistics::{Keys, Position, select};

use crate::magnitudes::Magnitudes;
use crate::real::Real;
use crate::{Settings, Tensor, Truncated};

/// The cutoff and the extremes, computed as `T`, the widest type present. `None` if there are no elements.
/// Zeros are counted when the tensors are truncated.
pub(crate) fn cutoff<T: Real, X: Tensor>(
    tensors: &mut [X],
    settings: &Settings,
) -> Result<Option<Truncated>, X::Error> {
    let steps = T::round(settings.steps);
    // Division by a positive number is monotone, and so is its rounding: with one type, it is enough to
    // divide what was selected. (Steps that round to 0 or infinity make NaN of numbers that are none.)
    let size = size_of::<T>();
    let alike = tensors.iter().all(|tensor| tensor.dtype().output().size() == size);
    let selected_only = alike && T::ZERO < steps && steps < T::INFINITY;

    let mut magnitudes = Magnitudes::<X, T>::new(tensors, (!selected_only).then_some(settings.steps));
    let elements = magnitudes.len();
    let Some(position) = Position::linear(elements, settings.percentile) else {
        return Ok(None);
    };
    let Some(selected) = select(&mut magnitudes, position.lower, position.upper)? else {
        return Ok(None);
    };
    let value = |key| if selected_only { T::from_key(key) / steps } else { T::from_key(key) };
    let max = value(selected.max).to_f64();
    if max.is_nan() {
        return Ok(Some(Truncated { cutoff: max, min: max, max, elements, zeros: 0 }));
    }
    let cutoff = interpolate(value(selected.lower), value(selected.upper), position.fraction).to_f64();
    Ok(Some(Truncated { cutoff, min: value(selected.min).to_f64(), max, elements, zeros: 0 }))
}

/// NumPy's `_lerp`: from the nearer end, every operation rounded to `T`.
fn interpolate<T: Real>(a: T, b: T, t: f64) -> T {
    let difference = b - a;
    if t >= 0.5 { b - difference * T::round(1.0 - t) } else { a + difference * T::round(t) }
}
