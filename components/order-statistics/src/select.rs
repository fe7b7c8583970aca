//! Selection: the sample, the counting pass, and what is left to do after it.

use crate::Key;
use crate::bracket::{Bracket, nth};
use crate::narrow::{Interval, narrow};
use crate::tally::Tally;

/// Keys collected at most: 2 MiB of `u32`, 4 MiB of `u64`.
pub(crate) const CAPACITY: usize = 1 << 19;

/// The sample's size at most. Four times as many keys halve the bracket; sampling them takes longer.
const SAMPLE_BYTES: u64 = 1 << 20;

/// Keys that can be shown, in any order, as often as they are asked for.
pub trait Keys<K> {
    /// Why keys could not be shown.
    type Error;

    /// How many keys there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shows every key once, in chunks of any size; those of a few thousand keys stay in the first cache.
    ///
    /// # Errors
    /// Those of the source.
    fn scan(&mut self, visit: &mut dyn FnMut(&[K])) -> Result<(), Self::Error>;

    /// Shows about `at_most` keys, spread over all, in runs of neighbours.
    ///
    /// Only a hint: an unrepresentative or empty sample makes the selection slower, not wrong.
    ///
    /// # Errors
    /// Those of the source.
    fn sample(&mut self, at_most: usize, visit: &mut dyn FnMut(&[K])) -> Result<(), Self::Error>;
}

/// Two order statistics and the extremes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected<K> {
    /// The key at the lower rank.
    pub lower: K,
    /// The key at the upper rank.
    pub upper: K,
    /// The smallest key.
    pub min: K,
    /// The largest key.
    pub max: K,
}

/// The keys at two ranks, counted from 0 in ascending order, and the extremes.
///
/// Fastest when the ranks are equal or adjacent, as one bracket serves them both. It takes one sample and
/// one scan; where the bracket misses or too much lies in it, at most a scan more per 16 bits of the key.
/// `None` if there is no such rank, or if `lower_rank` exceeds `upper_rank`.
///
/// # Errors
/// Those of the source.
pub fn select<K: Key, S: Keys<K>>(
    source: &mut S,
    lower_rank: u64,
    upper_rank: u64,
) -> Result<Option<Selected<K>>, S::Error> {
    if lower_rank > upper_rank || upper_rank >= source.len() {
        return Ok(None);
    }
    let bracket = sampled(source, lower_rank, upper_rank)?;
    select_in(source, bracket, lower_rank, upper_rank, CAPACITY)
}

/// The part after the sample, which is exact for any bracket and any capacity.
pub(crate) fn select_in<K: Key, S: Keys<K>>(
    source: &mut S,
    bracket: Bracket<K>,
    lower_rank: u64,
    upper_rank: u64,
    capacity: usize,
) -> Result<Option<Selected<K>>, S::Error> {
    let room = usize::try_from(source.len()).map_or(capacity, |n| n.min(capacity));
    let mut tally = Tally::new(bracket, room);
    source.scan(&mut |keys| tally.add(keys))?;
    if upper_rank >= tally.total {
        return Ok(None);
    }

    let [lower, upper] = [lower_rank, upper_rank].map(|rank| tally.locate(rank));
    let keys = match (lower, upper) {
        (Place::Key(lower), Place::Key(upper)) => Some([lower, upper]),
        (lower, upper) => narrow(source, [(lower.interval(), lower_rank), (upper.interval(), upper_rank)])?,
    };
    Ok(keys.map(|[lower, upper]| Selected { lower, upper, min: tally.min(), max: tally.max() }))
}

fn sampled<K: Key, S: Keys<K>>(source: &mut S, lower: u64, upper: u64) -> Result<Bracket<K>, S::Error> {
    let n = source.len();
    let Some(size) = sample_size::<K>(n) else { return Ok(Bracket::ALL) };
    let mut sample = Vec::with_capacity(size);
    let mut ends = Vec::new();
    source.sample(size, &mut |keys| {
        let room = size - sample.len();
        sample.extend(keys.iter().take(room));
        ends.push(sample.len());
    })?;
    Ok(Bracket::of_sample(&mut sample, &ends, n, [lower, upper], CAPACITY))
}

/// How many keys to sample of `n`, none where collecting all of them is as quick.
fn sample_size<K>(n: u64) -> Option<usize> {
    let most = SAMPLE_BYTES / size_of::<K>() as u64;
    (n > 1 << 14).then(|| (n / 64).clamp(1 << 10, most) as usize)
}

/// What the counting pass knows of the key at a rank.
#[derive(Clone, Copy, Debug)]
enum Place<K> {
    Key(K),
    Within(Interval),
}

impl<K: Key> Place<K> {
    fn interval(self) -> Interval {
        match self {
            Self::Key(key) => Interval { first: key.to_u64(), last: key.to_u64(), below: 0 },
            Self::Within(interval) => interval,
        }
    }
}

impl<K: Key> Tally<K> {
    fn locate(&mut self, rank: u64) -> Place<K> {
        let Bracket { lo, hi } = self.bracket;
        let upto_lo = self.upto_lo();
        let (first, last, below) = if rank < self.below_lo() {
            (self.min().to_u64(), lo.to_u64() - 1, 0)
        } else if rank < upto_lo {
            return Place::Key(lo);
        } else if rank < self.below_hi() {
            if let Some(inside) = &mut self.inside {
                return Place::Key(nth(inside, (rank - upto_lo) as usize));
            }
            (lo.to_u64() + 1, hi.to_u64() - 1, upto_lo)
        } else if rank < self.upto_hi() {
            return Place::Key(hi);
        } else {
            (hi.to_u64() + 1, self.max().to_u64(), self.upto_hi())
        };
        Place::Within(Interval { first, last, below })
    }
}
