//! A selection in steps, for keys that several look at: each at parts of them.

use crate::bracket::{Bracket, nth};
use crate::look::{Kind, Look, Sample, Seen, Sight};
use crate::narrow::{Histogram, Interval};
use crate::select::capacity;
use crate::tally::Tally;
use crate::{Key, Selected};

/// The sample's size at most, in bytes.
const SAMPLE_BYTES: u64 = 4 << 20;

/// The search for two order statistics. Every [`Look`] is to be taken at every part of the keys, and what was
/// seen in each given to [`Selection::take`]; then comes the next step. What is found does not depend on the
/// parts, nor on their order.
///
/// ```
/// use order_statistics::{Keys, Selection, Step};
///
/// /// Keys in memory.
/// struct Part<'a>(&'a [u32]);
///
/// impl Keys<u32> for Part<'_> {
///     type Error = std::convert::Infallible;
///
///     fn len(&self) -> u64 {
///         self.0.len() as u64
///     }
///
///     fn scan(&mut self, visit: &mut dyn FnMut(&[u32])) -> Result<(), Self::Error> {
///         Ok(visit(self.0))
///     }
///
///     fn sample(&mut self, at_most: usize, visit: &mut dyn FnMut(&[u32])) -> Result<(), Self::Error> {
///         Ok(visit(&self.0[..at_most.min(self.0.len())]))
///     }
/// }
///
/// let parts = [&[5, 3, 9][..], &[1, 7]];
/// let mut selection = Selection::new(5, 2, 3);
/// let selected = loop {
///     match selection.next() {
///         Step::Look(look) => {
///             for part in parts {
///                 selection.take(look.at(&mut Part(part), 100)?);
///             }
///         }
///         Step::Done(selected) => break selected.unwrap(),
///     }
/// };
/// assert_eq!((selected.lower, selected.upper, selected.min, selected.max), (5, 7, 1, 9));
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Debug)]
pub struct Selection<K: Key> {
    len: u64,
    ranks: [u64; 2],
    state: State<K>,
}

/// How a selection goes on.
#[derive(Debug)]
pub enum Step<K: Key> {
    /// A look at every part.
    Look(Look<K>),
    /// It is done: the keys, or `None` if there are no such ranks, or if the keys changed meanwhile.
    Done(Option<Selected<K>>),
}

#[derive(Debug)]
enum State<K: Key> {
    New,
    Sampling(Sample<K>),
    /// With the bracket that the tally is for.
    Surveying(Tally<K>),
    Narrowing(Narrowing<K>),
    Done(Option<Selected<K>>),
}

/// Two wanted keys, each known to lie in an interval, and how many keys lie where in these.
#[derive(Debug)]
struct Narrowing<K> {
    wanted: [Interval; 2],
    histograms: [Histogram; 2],
    min: K,
    max: K,
}

impl<K: Key> Selection<K> {
    /// The search for the keys at two ranks, counted from 0 in ascending order, of `len` keys.
    pub fn new(len: u64, lower_rank: u64, upper_rank: u64) -> Self {
        let there = lower_rank <= upper_rank && upper_rank < len;
        let state = if there { State::New } else { State::Done(None) };
        Self { len, ranks: [lower_rank, upper_rank], state }
    }

    /// The part after the sample, which is exact for any bracket.
    #[cfg(test)]
    pub(crate) fn within(bracket: Bracket<K>, len: u64, ranks: [u64; 2], capacity: usize) -> Self {
        let state = State::Surveying(Tally::of_parts(bracket, capacity));
        Self { len, ranks, state }
    }

    /// Takes what was seen in one part. What does not belong to the step ends the search in vain.
    pub fn take(&mut self, seen: Seen<K>) {
        match (&mut self.state, seen.0) {
            (State::Sampling(all), Sight::Sample(part)) => {
                all.keys.extend(part.keys);
                all.runs.extend(part.runs);
            }
            (State::Surveying(all), Sight::Survey(part)) => all.merge(part),
            (State::Narrowing(all), Sight::Narrow(lower, upper)) => {
                let [of_lower, of_upper] = &mut all.histograms;
                of_upper.merge(upper.as_ref().unwrap_or(&lower));
                of_lower.merge(&lower);
            }
            (state, _) => *state = State::Done(None),
        }
    }

    /// Goes on, once every part was looked at.
    #[expect(clippy::should_implement_trait, reason = "it does not end with a last item, but with a result")]
    pub fn next(&mut self) -> Step<K> {
        self.state = match std::mem::replace(&mut self.state, State::Done(None)) {
            State::New => match sample_size::<K>(self.len) {
                Some(_) => State::Sampling(Sample { keys: Vec::new(), runs: Vec::new() }),
                None => self.survey(Bracket::ALL),
            },
            State::Sampling(Sample { mut keys, runs }) => {
                let ends: Vec<_> = runs
                    .iter()
                    .scan(0, |end, &run| {
                        *end += run as usize;
                        Some(*end)
                    })
                    .collect();
                self.survey(Bracket::of_sample(&mut keys, &ends, self.len, self.ranks, capacity::<K>()))
            }
            State::Surveying(tally) if self.ranks.iter().any(|&rank| rank >= tally.total) => {
                State::Done(None)
            }
            State::Surveying(mut tally) => {
                let [lower, upper] = self.ranks.map(|rank| tally.locate(rank));
                let (min, max) = (tally.min(), tally.max());
                match (lower, upper) {
                    (Place::Key(lower), Place::Key(upper)) => {
                        State::Done(Some(Selected { lower, upper, min, max }))
                    }
                    (lower, upper) => Narrowing::of([lower.interval(), upper.interval()], min, max),
                }
            }
            State::Narrowing(narrowing) => narrowing.next(self.ranks),
            State::Done(selected) => State::Done(selected),
        };
        match &self.state {
            State::New => Step::Done(None),
            State::Sampling(_) => {
                let size = sample_size::<K>(self.len).unwrap_or_default();
                Step::Look(Look(Kind::Sample { size, of: self.len }))
            }
            State::Surveying(tally) => Step::Look(Look(Kind::Survey(tally.bracket))),
            State::Narrowing(Narrowing { wanted: [lower, upper], .. }) => {
                Step::Look(Look(Kind::Narrow(*lower, (lower != upper).then_some(*upper))))
            }
            State::Done(selected) => Step::Done(*selected),
        }
    }

    fn survey(&self, bracket: Bracket<K>) -> State<K> {
        State::Surveying(Tally::of_parts(bracket, capacity::<K>()))
    }
}

impl<K: Key> Narrowing<K> {
    fn of(wanted: [Interval; 2], min: K, max: K) -> State<K> {
        let [lower, upper] = wanted;
        if wanted.iter().all(|interval| interval.first == interval.last) {
            let [lower, upper] = [lower.first, upper.first].map(K::from_u64);
            return State::Done(Some(Selected { lower, upper, min, max }));
        }
        let histograms = wanted.map(Histogram::new);
        State::Narrowing(Self { wanted, histograms, min, max })
    }

    /// The bins in which the wanted keys lie, as intervals. One pass settles 16 bits of both.
    fn next(self, ranks: [u64; 2]) -> State<K> {
        let Self { mut wanted, histograms, min, max } = self;
        for ((interval, histogram), rank) in wanted.iter_mut().zip(&histograms).zip(ranks) {
            if interval.first < interval.last {
                let Some(bin) = histogram.bin_of(rank) else { return State::Done(None) };
                *interval = bin;
            }
        }
        Self::of(wanted, min, max)
    }
}

/// How many keys to sample of `len`, none where collecting all of them is as quick.
///
/// Each key that is sampled takes some time, and so does each that lies in the bracket. Four times as large a sample
/// halves that: s keys leave about len / √s, and both together take the least time where s is some share of len^⅔. All
/// of it is a guess at that share, as what the two take differs from machine to machine.
fn sample_size<K>(len: u64) -> Option<u64> {
    let most = SAMPLE_BYTES / size_of::<K>() as u64;
    (len > 1 << 14).then(|| ((len as f64).cbrt().powi(2) as u64).clamp(1 << 10, most))
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
