//! What is looked for in a part of the keys, and what is seen there.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bracket::Bracket;
use crate::narrow::{Histogram, Interval};
use crate::select::capacity;
use crate::tally::Tally;
use crate::{Key, Keys};

/// What to look for in each part of the keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Look<K>(pub(crate) Kind<K>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Kind<K> {
    /// So many keys of so many.
    Sample { size: u64, of: u64 },
    /// Where a bracket lies.
    Survey(Bracket<K>),
    /// In which bin of an interval the keys lie; once where both intervals are the same.
    Narrow(Interval, Option<Interval>),
}

/// What was seen in a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "K: Key + DeserializeOwned + Serialize")]
pub struct Seen<K: Key>(pub(crate) Sight<K>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "K: Key + DeserializeOwned + Serialize")]
pub(crate) enum Sight<K: Key> {
    Sample(Sample<K>),
    Survey(Tally<K>),
    Narrow(Histogram, Option<Histogram>),
}

/// Keys that were drawn, in runs of neighbours.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(bound = "K: Key + DeserializeOwned + Serialize")]
pub(crate) struct Sample<K: Key> {
    #[serde(with = "crate::raw")]
    pub keys: Vec<K>,
    /// How many keys each run has.
    pub runs: Vec<u32>,
}

impl<K: Key> Look<K> {
    /// Looks at one part. Of keys that lie close to the wanted ones it collects no more than `room`; where
    /// there are more, the selection takes another look.
    ///
    /// # Errors
    /// Those of the source.
    pub fn at<S: Keys<K>>(&self, source: &mut S, room: usize) -> Result<Seen<K>, S::Error> {
        let bits = source.bits();
        Ok(Seen(match self.0 {
            Kind::Sample { size, of } => {
                let share = u128::from(size) * u128::from(source.len()) / u128::from(of.max(1));
                let mut sample = Sample { keys: Vec::new(), runs: Vec::new() };
                source.sample(usize::try_from(share).unwrap_or(usize::MAX), &mut |keys| {
                    sample.keys.extend(keys.iter().map(|&key| key & bits));
                    sample.runs.push(keys.len() as u32);
                })?;
                Sight::Sample(sample)
            }
            Kind::Survey(bracket) => {
                let room = room.min(capacity::<K>());
                let room = usize::try_from(source.len()).map_or(room, |len| len.min(room));
                let mut tally = Tally::new(bracket, room);
                source.scan(&mut |keys| tally.add(keys, bits))?;
                Sight::Survey(tally)
            }
            Kind::Narrow(interval, None) => {
                let mut histogram = Histogram::new(interval);
                source.scan(&mut |keys| histogram.add(keys, bits))?;
                Sight::Narrow(histogram, None)
            }
            Kind::Narrow(lower, Some(upper)) => {
                let (mut lower, mut upper) = (Histogram::new(lower), Histogram::new(upper));
                source.scan(&mut |keys| {
                    lower.add(keys, bits);
                    upper.add(keys, bits);
                })?;
                Sight::Narrow(lower, Some(upper))
            }
        }))
    }
}
