//! The exact way without luck: histograms that narrow the interval of a key until it is one key wide.

use serde::{Deserialize, Serialize};

use crate::Key;

/// Bins of a histogram, 2¹⁶: each pass settles 16 bits of a key.
const BIN_BITS: u32 = 16;

/// An interval of keys in which the wanted one lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// Its first key.
    pub first: u64,
    /// Its last key.
    pub last: u64,
    /// How many keys of the source are smaller than the first.
    pub below: u64,
}

impl Interval {
    /// The right shift that takes an offset in the interval to its bin.
    fn shift(&self) -> u32 {
        (u64::BITS - (self.last - self.first).leading_zeros()).saturating_sub(BIN_BITS)
    }
}

/// How many keys lie in each bin of an interval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Histogram {
    interval: Interval,
    counts: Vec<u64>,
}

impl Histogram {
    pub fn new(interval: Interval) -> Self {
        Self { interval, counts: vec![0; 1 << BIN_BITS] }
    }

    pub fn add<K: Key>(&mut self, keys: &[K], bits: K) {
        let Interval { first, last, .. } = self.interval;
        let shift = self.interval.shift();
        for &key in keys {
            // A key before the interval wraps round to an offset beyond it.
            let offset = (key & bits).to_u64().wrapping_sub(first);
            if offset <= last - first
                && let Some(count) = self.counts.get_mut((offset >> shift) as usize)
            {
                *count += 1;
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// The bin in which a rank lies, as an interval; `None` if it lies in none.
    pub fn bin_of(&self, rank: u64) -> Option<Interval> {
        let mut below = self.interval.below;
        let shift = self.interval.shift();
        for (bin, &count) in (0u64..).zip(&self.counts) {
            if rank < below + count {
                let first = self.interval.first + (bin << shift);
                let last = first.saturating_add((1 << shift) - 1).min(self.interval.last);
                return Some(Interval { first, last, below });
            }
            below += count;
        }
        None
    }
}
