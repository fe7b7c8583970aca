//! Dicts.

use crate::Value;

/// Keys and values, in the order in which the keys came first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dict(Vec<(String, Value)>);

impl Dict {
    /// The entries, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Value)> for Dict {
    /// As Python fills a dict: the first of equal keys has the place, the last one the value.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        // Sorting takes about as long whatever the keys are; a hash table in a sandbox, which has no
        // randomness to seed it with, can be made to crawl.
        let mut entries: Vec<(usize, (String, Value))> = pairs.into_iter().enumerate().collect();
        entries.sort_by(|(_, (a, _)), (_, (b, _))| a.cmp(b));
        entries.dedup_by(|(_, later), (_, kept)| {
            let again = later.0 == kept.0;
            if again {
                std::mem::swap(&mut later.1, &mut kept.1);
            }
            again
        });
        entries.sort_unstable_by_key(|(place, _)| *place);
        Self(entries.into_iter().map(|(_, entry)| entry).collect())
    }
}
