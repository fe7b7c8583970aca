//! A guess, from a sample, at two keys between which the wanted ranks lie.

use serde::{Deserialize, Serialize};

use crate::Key;

/// How many standard deviations the bracket reaches to either side: one miss in 10⁹ for an honest sample.
const SIGMAS: f64 = 6.0;

/// How full the capacity is expected to be at most: the sample does not know that number exactly either.
const FILL: f64 = 0.9;

/// Two keys, `lo <= hi`, that are likely to enclose the wanted ranks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Bracket<K> {
    pub lo: K,
    pub hi: K,
}

impl<K: Key> Bracket<K> {
    /// Everything: what is left to say without a sample.
    pub const ALL: Self = Self { lo: K::MIN, hi: K::MAX };

    /// The bracket of two ranks among `n` keys of which `sample` was drawn, in runs that end at `ends`.
    ///
    /// The rank of a quantile in a sample varies as a sum of the runs' own counts does. Neighbours resemble
    /// each other, so that sum's deviation is measured between the runs rather than taken from the binomial
    /// law, which would only hold for keys drawn one by one.
    ///
    /// No more than `capacity` keys are expected within: a bracket that may miss is better than one that is
    /// sure to overflow.
    pub fn of_sample(
        sample: &mut [K],
        ends: &[usize],
        n: u64,
        [lower, upper]: [u64; 2],
        capacity: usize,
    ) -> Self {
        if sample.is_empty() || n == 0 {
            return Self::ALL;
        }
        let size = sample.len() as f64;
        let scale = size / n as f64;
        let (low, high) = (lower as f64 * scale, (upper + 1) as f64 * scale);

        let pivot = nth(&mut sample.to_vec(), (low as usize).min(sample.len() - 1));
        let deviation = deviation(sample, ends, pivot);
        let room = FILL / 2.0 * capacity as f64 * scale;
        let reach = (SIGMAS * deviation.max(1.0)).min(room.max(1.0));

        let lo = (low - reach).floor();
        let hi = (high + reach).ceil();
        Self {
            lo: if lo < 0.0 { K::MIN } else { nth(sample, lo as usize) },
            hi: if hi >= size { K::MAX } else { nth(sample, hi as usize) },
        }
    }
}

/// The key at a rank of a sample.
pub(crate) fn nth<K: Key>(keys: &mut [K], rank: usize) -> K {
    if rank < keys.len() { *keys.select_nth_unstable(rank).1 } else { K::MAX }
}

/// The standard deviation of the number of keys below `pivot`, from its variance between the runs.
fn deviation<K: Key>(sample: &[K], ends: &[usize], pivot: K) -> f64 {
    let share = sample.iter().filter(|&&key| key < pivot).count() as f64 / sample.len() as f64;
    let mut start = 0;
    let mut variance = 0.0;
    for &end in ends {
        let run = sample.get(start..end).unwrap_or_default();
        let below = run.iter().filter(|&&key| key < pivot).count() as f64;
        variance += (below - share * run.len() as f64).powi(2);
        start = end;
    }
    variance.sqrt()
}
