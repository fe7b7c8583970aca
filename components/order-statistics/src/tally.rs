//! The counting pass: where a bracket lies in the order of all keys, and what lies within it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Key;
use crate::bracket::Bracket;
use crate::survey::{Plain, Survey};

/// Keys that are surveyed at a time for some that need a second look.
pub(crate) const BLOCK: usize = 16;

/// Counts of keys against a bracket; the keys strictly within it while they fit; the extremes.
///
/// The ends of the bracket are counted, not collected: no number of ties there takes any memory.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "K: Key + DeserializeOwned + Serialize")]
pub(crate) struct Tally<K: Key> {
    pub bracket: Bracket<K>,
    capacity: usize,
    /// The keys strictly within the bracket, or `None` once they did not fit.
    #[serde(with = "inside")]
    pub inside: Option<Vec<K>>,
    below_lo: u64,
    at_lo: u64,
    within: u64,
    /// None are counted here where both ends are one key.
    at_hi: u64,
    pub total: u64,
    min: K,
    max: K,
}

impl<K: Key> Tally<K> {
    pub fn new(bracket: Bracket<K>, capacity: usize) -> Self {
        Self {
            bracket,
            capacity,
            inside: Some(Vec::with_capacity(capacity)),
            below_lo: 0,
            at_lo: 0,
            within: 0,
            at_hi: 0,
            total: 0,
            min: K::MAX,
            max: K::MIN,
        }
    }

    /// For the tallies of parts, which are to be merged into it.
    pub fn of_parts(bracket: Bracket<K>, capacity: usize) -> Self {
        Self { inside: Some(Vec::new()), capacity, ..Self::new(bracket, 0) }
    }

    pub fn min(&self) -> K {
        self.min
    }

    pub fn max(&self) -> K {
        self.max
    }

    /// How many keys are less than the bracket's lower end.
    pub fn below_lo(&self) -> u64 {
        self.below_lo
    }

    /// How many are no more than its lower end.
    pub fn upto_lo(&self) -> u64 {
        self.below_lo + self.at_lo
    }

    /// How many are less than its upper end, unless both ends are one key.
    pub fn below_hi(&self) -> u64 {
        self.upto_lo() + self.within
    }

    /// How many are no more than its upper end.
    pub fn upto_hi(&self) -> u64 {
        self.below_hi() + self.at_hi
    }

    /// Counts keys, of which these bits count.
    pub fn add(&mut self, keys: &[K], bits: K) {
        // A bracket that somebody else made may begin anywhere.
        let half = K::MAX.to_u64() >> 1;
        if bits.to_u64() <= half && self.bracket.lo.to_u64() <= half {
            self.survey::<K::Survey>(keys, bits);
        } else {
            self.survey::<Plain<K>>(keys, bits);
        }
    }

    fn survey<S: Survey<K>>(&mut self, keys: &[K], bits: K) {
        let (blocks, rest) = keys.as_chunks::<BLOCK>();
        let mut survey = S::new(self.bracket, bits);
        survey.add(blocks, |key| self.collect(key));
        let (below, min, max) = survey.finish();
        self.below_lo += below;
        self.min = self.min.min(min);
        self.max = self.max.max(max);
        for &key in rest {
            let key = key & bits;
            self.below_lo += u64::from(key < self.bracket.lo);
            self.min = self.min.min(key);
            self.max = self.max.max(key);
            self.collect(key);
        }
        self.total += keys.len() as u64;
    }

    /// Adds what was counted in another part against the same bracket.
    pub fn merge(&mut self, other: Self) {
        self.inside = match (self.inside.take(), other.inside) {
            (Some(mut all), Some(more)) if all.len() + more.len() <= self.capacity => {
                // What one part comes to may be all there is, and large.
                if all.is_empty() {
                    all = more;
                } else {
                    all.reserve_exact(self.capacity - all.len());
                    all.extend(more);
                }
                Some(all)
            }
            _ => None,
        };
        self.below_lo += other.below_lo;
        self.at_lo += other.at_lo;
        self.within += other.within;
        self.at_hi += other.at_hi;
        self.total += other.total;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Counts a key at an end of the bracket, collects one within.
    #[inline(always)]
    fn collect(&mut self, key: K) {
        let Bracket { lo, hi } = self.bracket;
        if key == lo {
            self.at_lo += 1;
        } else if key == hi {
            self.at_hi += 1;
        } else if lo < key && key < hi {
            self.within += 1;
            match &mut self.inside {
                Some(inside) if inside.len() < self.capacity => inside.push(key),
                inside => *inside = None,
            }
        }
    }
}

/// The keys within as their bytes, if they are all there.
mod inside {
    use bytemuck::Pod;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(bound = "K: Pod")]
    struct Raw<K: Pod>(#[serde(with = "crate::raw")] Vec<K>);

    #[derive(Serialize)]
    #[serde(bound = "K: Pod")]
    struct RawRef<'a, K: Pod>(#[serde(with = "crate::raw")] &'a [K]);

    pub fn serialize<K: Pod, S: Serializer>(keys: &Option<Vec<K>>, serializer: S) -> Result<S::Ok, S::Error> {
        keys.as_deref().map(RawRef).serialize(serializer)
    }

    pub fn deserialize<'de, K: Pod, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<K>>, D::Error> {
        Ok(Option::<Raw<K>>::deserialize(deserializer)?.map(|Raw(keys)| keys))
    }
}
