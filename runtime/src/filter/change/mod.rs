//! How a filter changed an update: figures over elements, never an element itself.
//!
//! It is counted while the filter works: a sample of the elements, evenly spread runs of neighbours, is taken as they
//! are written over; what nobody wrote to is looked at in the end, once. So this costs little beside the filter's own work, at any size.
//! What could say what a single element is, is left out: see [`tally`].

mod tally;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use flip_report::{Became, Change, Distribution, TensorChange};
use indexmap::IndexMap;

use crate::exchange::Dxo;
use crate::tensor::{self, Spread, Tensor, TensorError};
pub(crate) use tally::four_digits;
use tally::{Slack, Tally};

/// The most tensors that are looked at.
const MAX_TENSORS: usize = 2_000;

/// Neighbours that are looked at together.
const RUN: u64 = 32;
/// One element in so many is looked at, where that makes enough and not too many.
const ONE_IN: u64 = 256;
const FEWEST: u64 = 1 << 12;
const MOST: u64 = 1 << 15;

/// A dxo whose tensors are watched.
pub(super) struct Sample {
    tensors: Vec<Sampled>,
    /// Tensors that are not looked at.
    others: HashSet<String>,
}

/// A tensor before the filter.
struct Sampled {
    name: String,
    shape: Vec<u64>,
    dtype: &'static str,
    len: u64,
}

impl Sample {
    /// Watches the tensors of a dxo; none where it has none.
    pub(super) fn of(dxo: &mut Dxo) -> Option<Self> {
        let all = dxo.tensors_mut().filter(|tensors| !tensors.is_empty())?;
        let runs = runs(all.values().map(Tensor::len).fold(0, u64::saturating_add));
        let tensors = all.iter().take(MAX_TENSORS).map(|(name, tensor)| {
            let (shape, dtype) = (tensor.shape().to_vec(), tensor.dtype().name());
            Sampled { name: name.clone(), shape, dtype, len: tensor.len() }
        });
        let tensors = tensors.collect();
        let watched = all.values_mut().take(MAX_TENSORS);
        tensor::Sample::over(watched.map(|tensor| {
            let spread = spread(runs, tensor.len());
            (tensor, spread)
        }));
        let others = all.keys().skip(MAX_TENSORS).cloned().collect();
        Some(Self { tensors, others })
    }

    /// How the dxo differs from what it was. `gauges` are the filter's own figures.
    pub(super) fn compare(
        self,
        dxo: &mut Dxo,
        gauges: &IndexMap<String, f64>,
    ) -> Result<Change, TensorError> {
        let marks = Marks::of(gauges);
        let mut all = Tally::new(0);
        let mut tensors = Vec::with_capacity(self.tensors.len());
        for before in self.tensors {
            let tensor = dxo.tensors_mut().and_then(|tensors| tensors.get_mut(&before.name));
            let (became, change) = match tensor {
                None => (Became::Removed, elements_alone(before.len)),
                Some(tensor) => {
                    let (len, slack) = (tensor.len(), Slack::of(tensor.dtype()));
                    // It is watched no longer, whatever became of it.
                    let mut tally = Tally::new(len);
                    let seen = tensor.seen(|was, is| tally.compare(was, is, slack))?;
                    match seen.filter(|()| tensor.shape() == before.shape) {
                        None => (Became::Reshaped, elements_alone(len)),
                        Some(()) => {
                            tally.scale();
                            all.join(&tally);
                            let (cutoff, gamma) = marks.of_stage(&before.name);
                            (Became::Same, tally.distribution(cutoff, gamma))
                        }
                    }
                }
            };
            let (name, dtype, shape) = (before.name, before.dtype.to_owned(), before.shape);
            tensors.push(TensorChange { name, dtype, shape, became, change });
        }
        let added = added(dxo, &tensors, &self.others);
        let room = MAX_TENSORS.saturating_sub(tensors.len());
        let left_out = self.others.len().saturating_add(added.len().saturating_sub(room));
        tensors.extend(added.into_iter().take(room));
        let (cutoff, gamma) = marks.all;
        Ok(Change { all: all.distribution(cutoff, gamma), tensors, left_out: left_out as u64 })
    }
}

/// Of how many runs one is looked at, of so many elements.
fn runs(elements: u64) -> u64 {
    (elements / (elements / ONE_IN).clamp(FEWEST, MOST)).max(1)
}

/// One run in so many of a tensor's elements: the first of each, at least. One that is looked at whole is one run.
fn spread(runs: u64, len: u64) -> Spread {
    let run = if runs == 1 { len.max(1) } else { RUN };
    Spread { run, step: run.saturating_mul(runs) }
}

/// Of a tensor that cannot be compared.
fn elements_alone(elements: u64) -> Distribution {
    Distribution { elements, ..Distribution::default() }
}

/// The tensors that a dxo has and had not.
fn added(dxo: &Dxo, known: &[TensorChange], others: &HashSet<String>) -> Vec<TensorChange> {
    let Some(tensors) = dxo.tensors() else { return Vec::new() };
    let kept = known.iter().filter(|known| known.became != Became::Removed).count();
    // As it mostly is: then nothing is looked up.
    if others.is_empty() && kept == tensors.len() {
        return Vec::new();
    }
    let known: HashSet<&String> = known.iter().map(|known| &known.name).collect();
    let added = tensors.iter().filter(|(name, _)| !known.contains(name) && !others.contains(*name));
    let change = |(name, tensor): (&String, &Tensor)| TensorChange {
        name: name.clone(),
        dtype: tensor.dtype().name().to_owned(),
        shape: tensor.shape().to_vec(),
        became: Became::Added,
        change: elements_alone(tensor.len()),
    };
    added.map(change).collect()
}

/// The magnitudes that the filter says it cut at, in the scale of the elements: a cutoff and gamma.
struct Marks<'a> {
    /// Those of all tensors.
    all: (Option<f64>, Option<f64>),
    /// Those of the tensors whose names begin with a name and a dot, of a filter that works in stages:
    /// `stage a+b: cutoff` is that of `a.` and of `b.`.
    stages: HashMap<&'a str, (Option<f64>, Option<f64>)>,
}

impl<'a> Marks<'a> {
    fn of(gauges: &'a IndexMap<String, f64>) -> Self {
        let scaled = |of: &str, name: &str| {
            let gauge = |name: &str| gauges.get(&format!("{of}{name}")).copied();
            let figure = gauge(name)? * gauge("steps").unwrap_or(1.0);
            // A percentile may be an element.
            Some(four_digits(figure)).filter(|figure| figure.is_finite())
        };
        let marks = |of: &str| (scaled(of, "cutoff"), scaled(of, "gamma"));
        let mut stages = HashMap::new();
        for gauge in gauges.keys() {
            let Some(stage) = gauge.strip_suffix("cutoff") else { continue };
            let names = stage.strip_prefix("stage ").and_then(|names| names.strip_suffix(": "));
            for name in names.into_iter().flat_map(|names| names.split('+')) {
                stages.entry(name).or_insert_with(|| marks(stage));
            }
        }
        Self { all: marks(""), stages }
    }

    /// Those of the stage that a tensor is in.
    fn of_stage(&self, tensor: &str) -> (Option<f64>, Option<f64>) {
        let first = tensor.split('.').next().unwrap_or_default();
        self.stages.get(first).copied().unwrap_or_default()
    }
}
