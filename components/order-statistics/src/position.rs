//! Which ranks a percentile lies between.

/// Where a percentile lies among `n` sorted values: between two ranks (from 0), at a fraction of the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// The rank at or below the percentile.
    pub lower: u64,
    /// The rank above it, or `lower` again at the last value.
    pub upper: u64,
    /// The weight of the upper value, in [0, 1) wherever the two ranks differ.
    ///
    /// At the last value it is `n` (NumPy subtracts the index −1, by which it means the last, and not
    /// n − 1). That is harmless as long as it is multiplied by a difference of zero, but arithmetic which
    /// is to agree with NumPy bit for bit must see it: 0 × ∞ is NaN once float16 cannot hold it.
    pub fraction: f64,
}

impl Position {
    /// NumPy's default `linear` method, which is definition 7 of Hyndman and Fan (The American Statistician
    /// 50(4), 1996): the virtual index is (n − 1)(percentile / 100), in f64, as `numpy.percentile` has it.
    ///
    /// `None` if there are no values or the percentile is not within 0 to 100.
    #[must_use]
    pub fn linear(n: u64, percentile: f64) -> Option<Self> {
        let last = n.checked_sub(1)?;
        if !(0.0..=100.0).contains(&percentile) {
            return None;
        }
        let index = last as f64 * (percentile / 100.0);
        if index >= last as f64 {
            return Some(Self { lower: last, upper: last, fraction: index + 1.0 });
        }
        let floor = index.floor();
        let lower = floor as u64;
        Some(Self { lower, upper: lower + 1, fraction: index - floor })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n: u64, percentile: f64, lower: u64, upper: u64, fraction: f64) {
        assert_eq!(Position::linear(n, percentile), Some(Position { lower, upper, fraction }));
    }

    #[test]
    fn between_two_values() {
        check(2, 25.0, 0, 1, 0.25);
        check(101, 7.0, 7, 8, 7.000000000000001 - 7.0);
        check(5, 0.0, 0, 1, 0.0);
        check(11, 95.0, 9, 10, 0.5);
    }

    #[test]
    fn the_last_value_has_numpys_fraction() {
        check(1, 0.0, 0, 0, 1.0);
        check(1, 50.0, 0, 0, 1.0);
        check(10, 100.0, 9, 9, 10.0);
    }

    #[test]
    fn nothing_to_point_at() {
        assert_eq!(Position::linear(0, 50.0), None);
        for percentile in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Position::linear(3, percentile), None);
        }
    }
}
