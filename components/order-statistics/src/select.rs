//! Selection by a sample and one pass.

use crate::Key;
use crate::selection::{Selection, Step};

/// Bytes of keys that are collected at most. Half as many do not hold what lies near the wanted keys of
/// 10⁹, which costs passes over them.
const COLLECTED: usize = 4 << 20;

/// Keys collected at most.
pub(crate) const fn capacity<K>() -> usize {
    COLLECTED / size_of::<K>()
}

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

    /// Which bits of what is shown make up a key; the others may be anything. All of them, unless it says otherwise.
    ///
    /// The magnitudes of floats can so be shown as the floats themselves.
    fn bits(&self) -> K
    where
        K: Key,
    {
        K::MAX
    }

    /// Shows every key once, in chunks of any size.
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
    run(Selection::new(source.len(), lower_rank, upper_rank), source, capacity::<K>())
}

/// Looks at all keys as one part until the selection is done.
pub(crate) fn run<K: Key, S: Keys<K>>(
    mut selection: Selection<K>,
    source: &mut S,
    capacity: usize,
) -> Result<Option<Selected<K>>, S::Error> {
    loop {
        match selection.next() {
            Step::Look(look) => selection.take(look.at(source, capacity)?),
            Step::Done(selected) => return Ok(selected),
        }
    }
}
