//! How a filter changed an update: figures over elements, never an element itself.
//!
//! A sample of the elements is read before and after: evenly spread runs of neighbours, the same each time. So this
//! costs little beside the filter's own work, at any size. What could say what a single element is, is left out: see
//! [`tally`].

mod sample;
mod tally;

use std::collections::HashSet;

use flip_report::{Became, Change, TensorChange};
use indexmap::IndexMap;

use crate::exchange::Dxo;
use crate::tensor::{Tensor, TensorError};
use sample::{read, runs};
use tally::{Slack, Tally};

/// The most tensors that are looked at.
const MAX_TENSORS: usize = 2_000;

/// The elements of a sample, by tensor.
pub(super) struct Sample {
    tensors: Vec<Sampled>,
    runs: u64,
    /// Tensors that are not looked at.
    others: HashSet<String>,
}

/// A tensor before the filter.
struct Sampled {
    name: String,
    shape: Vec<u64>,
    dtype: &'static str,
    len: u64,
    elements: Vec<f64>,
}

impl Sample {
    /// Reads a sample of a dxo; none where it has no tensors.
    pub(super) fn of(dxo: &Dxo) -> Result<Option<Self>, TensorError> {
        let Some(all) = dxo.tensors().filter(|tensors| !tensors.is_empty()) else { return Ok(None) };
        let runs = runs(all.values().map(Tensor::len).fold(0, u64::saturating_add));
        let tensors = all.iter().take(MAX_TENSORS).map(|(name, tensor)| {
            let (shape, dtype) = (tensor.shape().to_vec(), tensor.dtype().name());
            Ok(Sampled { name: name.clone(), shape, dtype, len: tensor.len(), elements: read(tensor, runs)? })
        });
        let tensors = tensors.collect::<Result<_, TensorError>>()?;
        let others = all.keys().skip(MAX_TENSORS).cloned().collect();
        Ok(Some(Self { tensors, runs, others }))
    }

    /// How the dxo differs from what it was. `gauges` are the filter's own figures.
    pub(super) fn compare(self, dxo: &Dxo, gauges: &IndexMap<String, f64>) -> Result<Change, TensorError> {
        let marks = Marks(gauges);
        let mut all = Tally::new(0);
        let mut tensors = Vec::new();
        let after = |name: &String| dxo.tensors().and_then(|tensors| tensors.get(name));
        for before in &self.tensors {
            let mut change = TensorChange {
                name: before.name.clone(),
                dtype: before.dtype.to_owned(),
                shape: before.shape.clone(),
                ..TensorChange::default()
            };
            match after(&before.name) {
                None => {
                    change.became = Became::Removed;
                    change.change.elements = before.len;
                }
                Some(tensor) if tensor.shape() != before.shape => {
                    change.became = Became::Reshaped;
                    change.change.elements = tensor.len();
                }
                Some(tensor) => {
                    let mut tally = Tally::new(tensor.len());
                    tally.compare(&before.elements, &read(tensor, self.runs)?, Slack::of(tensor.dtype()));
                    tally.scale();
                    all.join(&mut tally);
                    let (cutoff, gamma) = marks.of_stage(&before.name);
                    change.change = tally.distribution(cutoff, gamma);
                }
            }
            tensors.push(change);
        }
        let known: HashSet<&String> = self.tensors.iter().map(|before| &before.name).collect();
        let now = dxo.tensors().into_iter().flatten();
        let added = now.filter(|(name, _)| !known.contains(name) && !self.others.contains(*name));
        let mut left_out = self.others.len();
        for (name, tensor) in added {
            if tensors.len() >= MAX_TENSORS {
                left_out += 1;
                continue;
            }
            let mut change = TensorChange {
                name: name.clone(),
                dtype: tensor.dtype().name().to_owned(),
                shape: tensor.shape().to_vec(),
                became: Became::Added,
                ..TensorChange::default()
            };
            change.change.elements = tensor.len();
            tensors.push(change);
        }
        let (cutoff, gamma) = marks.of_all();
        Ok(Change { all: all.distribution(cutoff, gamma), tensors, left_out: left_out as u64 })
    }
}

/// The magnitudes that the filter says it cut at, in the scale of the elements.
struct Marks<'a>(&'a IndexMap<String, f64>);

impl Marks<'_> {
    /// Those of all tensors.
    fn of_all(&self) -> (Option<f64>, Option<f64>) {
        (self.scaled("", "cutoff"), self.scaled("", "gamma"))
    }

    /// Those of the stage that a tensor is in, of a filter that works in stages: `stage a+b: cutoff` is that of the
    /// tensors whose names begin with `a.` or `b.`.
    fn of_stage(&self, tensor: &str) -> (Option<f64>, Option<f64>) {
        let first = tensor.split('.').next().unwrap_or_default();
        let stage = self.0.keys().find_map(|gauge| {
            let stage = gauge.strip_suffix("cutoff")?;
            let parts = stage.strip_prefix("stage ")?.strip_suffix(": ")?;
            parts.split('+').any(|part| part == first).then_some(stage)
        });
        stage.map_or((None, None), |stage| (self.scaled(stage, "cutoff"), self.scaled(stage, "gamma")))
    }

    fn scaled(&self, of: &str, name: &str) -> Option<f64> {
        let gauge = |name: &str| self.0.get(&format!("{of}{name}")).copied();
        let figure = gauge(name)? * gauge("steps").unwrap_or(1.0);
        Some(figure).filter(|figure| figure.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::DataKind;
    use crate::tensor::Dtype;

    fn float32(numbers: &[f32]) -> Tensor {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Tensor::new(Dtype::Float32, &[numbers.len() as u64], bytes).unwrap()
    }

    fn dxo<const N: usize>(tensors: [(&str, Tensor); N]) -> Dxo {
        let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
        Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap()
    }

    fn compare(before: &Dxo, after: &Dxo, gauges: &[(&str, f64)]) -> Change {
        let gauges = gauges.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
        Sample::of(before).unwrap().unwrap().compare(after, &gauges).unwrap()
    }

    #[test]
    fn a_small_update_is_counted_whole() {
        let before = [&[4.0, -0.5, 0.0, 2.0][..], &[1.0; 36]].concat();
        let after = [&[2.0, 0.0, 0.0, 2.0][..], &[1.0; 36]].concat();
        let before = dxo([("a", float32(&before)), ("b", float32(&[3.0]))]);
        let after = dxo([("a", float32(&after)), ("b", float32(&[-2.0]))]);
        let change = compare(&before, &after, &[("cutoff", 0.5), ("gamma", 1.0), ("steps", 2.0)]);
        let all = change.all;
        assert_eq!((all.elements, all.sampled), (41, 41));
        assert_eq!((all.zeroed, all.clipped), (Some(1.0 / 41.0), Some(2.0 / 41.0)));
        let norm = (36.0_f64 + 16.0 + 0.25 + 4.0 + 9.0).sqrt();
        assert!((all.norm.before.unwrap() / norm - 1.0).abs() < 1e-3, "{:?}", all.norm);
        assert_eq!((all.cutoff, all.gamma), (Some(1.0), Some(2.0)));
        let histogram = all.histogram.unwrap();
        assert_eq!((histogram.zeros.before, histogram.zeros.after), (1, 2));
        let bin = |number: f64| (number.log2() - histogram.first.log2()) as usize;
        assert_eq!(histogram.before[bin(0.5)..=bin(4.0)], [1, 36, 2, 1]);
        assert_eq!(histogram.after[bin(0.5)..=bin(4.0)], [0, 36, 3, 0]);
        assert_eq!(change.tensors[1].change.clipped, Some(1.0));
    }

    #[test]
    fn an_element_could_be_read_off_the_figures() {
        let secret = 0.123_456_7_f32;
        let mut large = [1e-3; 100];
        large[7] = secret;
        let before =
            dxo([("one", float32(&[secret])), ("few", float32(&[secret; 31])), ("large", float32(&large))]);
        let change = compare(&before, &before, &[]);
        for tiny in &change.tensors[..2] {
            assert_eq!((tiny.change.norm, tiny.change.max), Default::default());
            assert!(tiny.change.histogram.is_none() && tiny.change.zeroed == Some(0.0), "{tiny:?}");
        }
        assert_eq!((change.tensors[2].change.max.before, change.all.max.before), (Some(0.125), Some(0.125)));
        // Nor by what the sum over all has more than the others.
        let norm = |figure: Option<f64>| figure.unwrap();
        assert_eq!(norm(change.all.norm.before), (norm(change.all.norm.before) * 1e4).round() / 1e4);
        let only = dxo([("one", float32(&[secret]))]);
        let alone = compare(&only, &only, &[]).all;
        assert!(alone.histogram.is_none() && alone.norm.before.is_none() && alone.max.before.is_none());
    }

    #[test]
    fn rounding_was_counted_as_clipping() {
        let numbers: Vec<f32> = (1..100_000).map(|n| n as f32 * 1.7e-6).collect();
        let steps = 3.0_f32;
        let rounded: Vec<f32> = numbers.iter().map(|number| number / steps * steps).collect();
        assert!(numbers.iter().zip(&rounded).any(|(before, after)| after < before));
        let change = compare(&dxo([("a", float32(&numbers))]), &dxo([("a", float32(&rounded))]), &[]);
        assert_eq!((change.all.clipped, change.all.zeroed), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn stages_have_cutoffs_of_their_own() {
        let before = dxo(["encoder.w", "decoder.w", "head.w"].map(|name| (name, float32(&[1.0; 40]))));
        let change = compare(
            &before,
            &before,
            &[
                ("stage encoder: cutoff", 0.1),
                ("stage encoder: gamma", 0.5),
                ("stage encoder: steps", 2.0),
                ("stage x+decoder: cutoff", 0.3),
            ],
        );
        let marks: Vec<_> =
            change.tensors.iter().map(|tensor| (tensor.change.cutoff, tensor.change.gamma)).collect();
        assert_eq!(marks, [(Some(0.2), Some(1.0)), (Some(0.3), None), (None, None)]);
        assert_eq!(change.all.cutoff, None);
    }

    #[test]
    fn tensors_that_come_go_or_get_another_shape_are_listed() {
        let before = dxo(["kept", "gone", "reshaped"].map(|name| (name, float32(&[1.0; 40]))));
        let after = dxo([
            ("kept", float32(&[1.0; 40])),
            ("reshaped", float32(&[1.0; 2])),
            ("new", float32(&[1.0; 3])),
        ]);
        let change = compare(&before, &after, &[]);
        let became: Vec<_> = change
            .tensors
            .iter()
            .map(|tensor| (&*tensor.name, tensor.became, tensor.change.elements))
            .collect();
        assert_eq!(
            became,
            [
                ("kept", Became::Same, 40),
                ("gone", Became::Removed, 40),
                ("reshaped", Became::Reshaped, 2),
                ("new", Became::Added, 3),
            ]
        );
        assert_eq!(change.all.elements, 40);
        assert!(Sample::of(&Dxo::new(DataKind::Metrics)).unwrap().is_none());
    }

    #[test]
    fn a_large_update_is_sampled_and_small_tensors_in_it_weigh_no_more_than_others() {
        let large: Vec<f32> = (0..2_000_000).map(|n| (n % 7) as f32).collect();
        let halved: Vec<f32> = large.iter().map(|number| number / 2.0).collect();
        let before = dxo([("large", float32(&large)), ("small", float32(&[1.0; 64]))]);
        let after = dxo([("large", float32(&halved)), ("small", float32(&[0.0; 64]))]);
        let all = compare(&before, &after, &[]).all;
        assert!((5_000..20_000).contains(&all.sampled), "{}", all.sampled);
        assert_eq!(all.elements, 2_000_064);
        assert!((all.clipped.unwrap() - 6.0 / 7.0).abs() < 0.01, "{:?}", all.clipped);
        assert!((all.zeroed.unwrap() - 64.0 / 2_000_064.0).abs() < 1e-9, "{:?}", all.zeroed);
        let norm = large.iter().map(|number| f64::from(number * number)).sum::<f64>().sqrt();
        assert!((all.norm.before.unwrap() / norm - 1.0).abs() < 0.01);
    }

    #[test]
    fn numbers_that_are_none_and_every_dtype_make_figures() {
        let odd = float32(&[f32::NAN, f32::INFINITY, -f32::INFINITY, f32::MIN_POSITIVE / 2.0].repeat(10));
        let of = |dtype: Dtype| Tensor::new(dtype, &[40], vec![0xff; 40 * dtype.size()]).unwrap();
        let mut tensors = Dtype::ALL.map(|dtype| (dtype.name().to_owned(), of(dtype))).to_vec();
        tensors.push(("odd".to_owned(), odd));
        let dxo = Dxo::of_tensors(DataKind::Weights, tensors).unwrap();
        let change = compare(&dxo, &dxo, &[]);
        assert_eq!(change.tensors.len(), Dtype::ALL.len() + 1);
        assert_eq!(change.all.max.before, None);
        assert!(serde_json::to_string(&change).is_ok_and(|text| !text.contains("NaN")));
    }
}
