//! The exact way without luck: histograms that narrow the interval of a key until it is one key wide.

use crate::{Key, Keys};

/// Bins of a histogram, 2¹⁶: each pass settles 16 bits of a key.
const BIN_BITS: u32 = 16;

/// An interval of keys in which the wanted one lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The bin in which a rank lies, as an interval; `None` if it lies in none.
    fn bin_of(&self, histogram: &[u64], rank: u64) -> Option<Self> {
        let mut below = self.below;
        let shift = self.shift();
        for (bin, &count) in (0u64..).zip(histogram) {
            if rank < below + count {
                let first = self.first + (bin << shift);
                let last = first.saturating_add((1 << shift) - 1).min(self.last);
                return Some(Self { first, last, below });
            }
            below += count;
        }
        None
    }
}

/// The keys at two ranks, each known to lie in an interval. One pass settles 16 bits of both.
///
/// `None` if the source does not show the same keys twice.
pub(crate) fn narrow<K: Key, S: Keys<K>>(
    source: &mut S,
    mut wanted: [(Interval, u64); 2],
) -> Result<Option<[K; 2]>, S::Error> {
    loop {
        let [(a, _), (b, _)] = wanted;
        if a.first == a.last && b.first == b.last {
            return Ok(Some([K::from_u64(a.first), K::from_u64(b.first)]));
        }
        let mut histograms = [Histogram::new(a), Histogram::new(b)];
        let [of_a, of_b] = &mut histograms;
        if a == b {
            source.scan(&mut |keys| of_a.add(keys))?;
            of_b.counts.clone_from(&of_a.counts);
        } else {
            source.scan(&mut |keys| {
                of_a.add(keys);
                of_b.add(keys);
            })?;
        }
        for ((interval, rank), histogram) in wanted.iter_mut().zip(&histograms) {
            if interval.first == interval.last {
                continue;
            }
            let Some(bin) = interval.bin_of(&histogram.counts, *rank) else {
                return Ok(None);
            };
            *interval = bin;
        }
    }
}

struct Histogram {
    interval: Interval,
    counts: Vec<u64>,
}

impl Histogram {
    fn new(interval: Interval) -> Self {
        Self { interval, counts: vec![0; 1 << BIN_BITS] }
    }

    fn add<K: Key>(&mut self, keys: &[K]) {
        let Interval { first, last, .. } = self.interval;
        let shift = self.interval.shift();
        for key in keys {
            // A key before the interval wraps round to an offset beyond it.
            let offset = key.to_u64().wrapping_sub(first);
            if offset <= last - first
                && let Some(count) = self.counts.get_mut((offset >> shift) as usize)
            {
                *count += 1;
            }
        }
    }
}
