//! How a filter changed an update: figures over elements, never an element itself.
//!
//! A sample of the elements is read before and after: evenly spread runs of neighbours, the same each time. So this
//! costs the same at any size, and next to nothing beside the filter's own work.

use flip_report::{Change, Distribution, Histogram, Pair, TensorChange};
use half::{bf16, f16};
use indexmap::IndexMap;

use crate::exchange::Dxo;
use crate::tensor::{Dtype, Tensor, TensorError};

/// Neighbours that are read at a time.
const RUN: u64 = 256;
/// The most elements that are looked at, but for one run of each tensor.
const SAMPLE: u64 = 1 << 17;
/// The most tensors that are looked at.
const MAX_TENSORS: usize = 2_000;
/// Bins of magnitudes: from 2^LOWEST, each twice as wide as the one before.
const LOWEST: i32 = -40;
const BINS: usize = 48;

/// The elements of a sample, by tensor.
pub(super) struct Sample {
    tensors: Vec<(String, Vec<f64>)>,
    runs: u64,
    left_out: u64,
}

impl Sample {
    /// Reads a sample of a dxo.
    pub(super) fn of(dxo: &Dxo) -> Result<Self, TensorError> {
        let all = || dxo.tensors().into_iter().flatten();
        let elements: u64 = all().map(|(_, tensor)| tensor.len()).fold(0, u64::saturating_add);
        // One run in so many is read.
        let runs = (elements / SAMPLE).max(1);
        let tensors = all().take(MAX_TENSORS).map(|(name, tensor)| Ok((name.clone(), read(tensor, runs)?)));
        Ok(Self {
            tensors: tensors.collect::<Result<_, TensorError>>()?,
            runs,
            left_out: all().count().saturating_sub(MAX_TENSORS) as u64,
        })
    }

    /// How the dxo differs from what it was. `gauges` are the filter's own figures.
    pub(super) fn compare(self, dxo: &Dxo, gauges: &IndexMap<String, f64>) -> Result<Change, TensorError> {
        let steps = gauges.get("steps").copied().unwrap_or(1.0);
        let scaled =
            |name: &str| gauges.get(name).map(|figure| figure * steps).filter(|figure| figure.is_finite());
        let (cutoff, gamma) = (scaled("cutoff"), scaled("gamma"));
        let mut all = Tally::new(0);
        let mut tensors = Vec::new();
        for (name, before) in &self.tensors {
            let Some(tensor) = dxo.tensors().and_then(|tensors| tensors.get(name)) else { continue };
            let after = read(tensor, self.runs)?;
            let mut tally = Tally::new(tensor.len());
            before.iter().zip(&after).for_each(|(before, after)| tally.add(*before, *after));
            let mut tally = tally.scaled();
            all.join(&mut tally);
            tensors.push(TensorChange {
                name: name.clone(),
                dtype: tensor.dtype().name().to_owned(),
                shape: tensor.shape().to_vec(),
                change: tally.distribution(None, None),
            });
        }
        Ok(Change { all: all.distribution(cutoff, gamma), tensors, left_out: self.left_out })
    }
}

/// One run of elements in so many, as numbers.
fn read(tensor: &Tensor, runs: u64) -> Result<Vec<f64>, TensorError> {
    let (dtype, size) = (tensor.dtype(), tensor.dtype().size() as u64);
    let mut numbers = Vec::new();
    let step = RUN.saturating_mul(runs);
    let mut start = 0;
    while start < tensor.len() {
        let bytes = tensor.read(start * size, (RUN * size) as usize)?;
        numbers.extend(bytes.chunks_exact(dtype.size()).map(|element| number(dtype, element)));
        start = start.saturating_add(step);
    }
    Ok(numbers)
}

/// An element; integers beyond 2^53 lose digits, which no bin shows.
fn number(dtype: Dtype, element: &[u8]) -> f64 {
    /// The bytes of an element of this size.
    fn of<const N: usize>(element: &[u8]) -> [u8; N] {
        element.first_chunk().copied().unwrap_or([0; N])
    }
    match dtype {
        Dtype::Bool | Dtype::Uint8 => f64::from(u8::from_le_bytes(of(element))),
        Dtype::Int8 => f64::from(i8::from_le_bytes(of(element))),
        Dtype::Int16 => f64::from(i16::from_le_bytes(of(element))),
        Dtype::Uint16 => f64::from(u16::from_le_bytes(of(element))),
        Dtype::Int32 => f64::from(i32::from_le_bytes(of(element))),
        Dtype::Uint32 => f64::from(u32::from_le_bytes(of(element))),
        Dtype::Int64 => i64::from_le_bytes(of(element)) as f64,
        Dtype::Uint64 => u64::from_le_bytes(of(element)) as f64,
        Dtype::Float16 => f16::from_le_bytes(of(element)).to_f64(),
        Dtype::Bfloat16 => bf16::from_le_bytes(of(element)).to_f64(),
        Dtype::Float32 => f64::from(f32::from_le_bytes(of(element))),
        Dtype::Float64 => f64::from_le_bytes(of(element)),
    }
}

/// What is counted of elements; of a sample, scaled to what all of them come to.
struct Tally {
    elements: u64,
    sampled: u64,
    zeroed: f64,
    clipped: f64,
    squares: Pair<f64>,
    max: Pair<f64>,
    zeros: Pair<f64>,
    bins: Pair<[f64; BINS]>,
}

impl Tally {
    /// Of no element yet.
    fn new(elements: u64) -> Self {
        let bins = Pair { before: [0.0; BINS], after: [0.0; BINS] };
        let [squares, max, zeros] = [Pair::default(); 3];
        Self { elements, sampled: 0, zeroed: 0.0, clipped: 0.0, squares, max, zeros, bins }
    }

    fn add(&mut self, before: f64, after: f64) {
        let (before, after) = (before.abs(), after.abs());
        self.sampled += 1;
        self.zeroed += f64::from(u8::from(before != 0.0 && after == 0.0));
        self.clipped += f64::from(u8::from(after < before && after != 0.0));
        self.squares.before += before * before;
        self.squares.after += after * after;
        self.max.before = self.max.before.max(before);
        self.max.after = self.max.after.max(after);
        count(&mut self.bins.before, &mut self.zeros.before, before);
        count(&mut self.bins.after, &mut self.zeros.after, after);
    }

    /// Everything that is counted, its maxima aside.
    fn counts(&mut self) -> impl Iterator<Item = &mut f64> {
        let Self { zeroed, clipped, squares, zeros, bins, .. } = self;
        let few =
            [zeroed, clipped, &mut squares.before, &mut squares.after, &mut zeros.before, &mut zeros.after];
        few.into_iter().chain(&mut bins.before).chain(&mut bins.after)
    }

    /// As if the elements that were not looked at were like the others.
    fn scaled(mut self) -> Self {
        let times = self.elements as f64 / self.sampled.max(1) as f64;
        self.counts().for_each(|count| *count *= times);
        self
    }

    fn join(&mut self, other: &mut Self) {
        self.elements = self.elements.saturating_add(other.elements);
        self.sampled += other.sampled;
        self.max.before = self.max.before.max(other.max.before);
        self.max.after = self.max.after.max(other.max.after);
        self.counts().zip(other.counts()).for_each(|(count, more)| *count += *more);
    }

    fn distribution(&self, cutoff: Option<f64>, gamma: Option<f64>) -> Distribution {
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        let share = |count: f64| (self.elements > 0).then(|| count / self.elements as f64);
        let whole = |bins: &[f64; BINS]| bins.iter().map(|count| count.round() as u64).collect();
        Distribution {
            elements: self.elements,
            sampled: self.sampled,
            zeroed: share(self.zeroed),
            clipped: share(self.clipped),
            norm: Pair {
                before: finite(self.squares.before.sqrt()),
                after: finite(self.squares.after.sqrt()),
            },
            max: Pair { before: finite(self.max.before), after: finite(self.max.after) },
            cutoff,
            gamma,
            histogram: Some(Histogram {
                first: f64::from(LOWEST).exp2(),
                ratio: 2.0,
                before: whole(&self.bins.before),
                after: whole(&self.bins.after),
                zeros: Pair {
                    before: self.zeros.before.round() as u64,
                    after: self.zeros.after.round() as u64,
                },
            }),
        }
    }
}

/// Counts a magnitude: the exponent says which bin.
fn count(bins: &mut [f64; BINS], zeros: &mut f64, magnitude: f64) {
    if magnitude == 0.0 {
        *zeros += 1.0;
    } else if !magnitude.is_nan() {
        let exponent = (magnitude.to_bits() >> 52) as i32 - 1023;
        let bin = (exponent - LOWEST).clamp(0, BINS as i32 - 1) as usize;
        if let Some(bin) = bins.get_mut(bin) {
            *bin += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::DataKind;

    fn float32(numbers: &[f32]) -> Tensor {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Tensor::new(Dtype::Float32, &[numbers.len() as u64], bytes).unwrap()
    }

    fn dxo<const N: usize>(tensors: [(&str, Tensor); N]) -> Dxo {
        let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
        Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap()
    }

    #[test]
    fn a_small_update_is_counted_whole() {
        let before = dxo([("a", float32(&[4.0, -0.5, 0.0, 2.0])), ("b", float32(&[3.0]))]);
        let after = dxo([("a", float32(&[2.0, 0.0, 0.0, 2.0])), ("b", float32(&[-2.0]))]);
        let gauges = [("cutoff", 0.5), ("gamma", 1.0), ("steps", 2.0)];
        let gauges = gauges.map(|(name, figure)| (name.to_owned(), figure)).into_iter().collect();
        let change = Sample::of(&before).unwrap().compare(&after, &gauges).unwrap();
        let all = change.all;
        assert_eq!((all.elements, all.sampled), (5, 5));
        assert_eq!((all.zeroed, all.clipped), (Some(0.2), Some(0.4)));
        assert_eq!(all.norm.before, Some((16.0_f64 + 0.25 + 4.0 + 9.0).sqrt()));
        assert_eq!((all.max.before, all.max.after), (Some(4.0), Some(2.0)));
        assert_eq!((all.cutoff, all.gamma), (Some(1.0), Some(2.0)));
        let histogram = all.histogram.unwrap();
        assert_eq!((histogram.zeros.before, histogram.zeros.after), (1, 2));
        let bin = |number: f64| (number.log2() - f64::from(LOWEST)) as usize;
        assert_eq!(histogram.before[bin(0.5)..=bin(4.0)], [1, 0, 2, 1]);
        assert_eq!(histogram.after[bin(0.5)..=bin(4.0)], [0, 0, 3, 0]);
        assert_eq!(change.tensors[1].change.clipped, Some(1.0));
    }

    #[test]
    fn a_large_update_is_sampled_and_small_tensors_in_it_weigh_no_more_than_others() {
        let large: Vec<f32> = (0..2_000_000).map(|n| (n % 7) as f32).collect();
        let halved: Vec<f32> = large.iter().map(|number| number / 2.0).collect();
        let before = dxo([("large", float32(&large)), ("small", float32(&[1.0; 100]))]);
        let after = dxo([("large", float32(&halved)), ("small", float32(&[0.0; 100]))]);
        let all = Sample::of(&before).unwrap().compare(&after, &IndexMap::new()).unwrap().all;
        assert!(all.sampled < 200_000, "{}", all.sampled);
        assert_eq!(all.elements, 2_000_100);
        assert!((all.clipped.unwrap() - 6.0 / 7.0).abs() < 0.01, "{:?}", all.clipped);
        assert!((all.zeroed.unwrap() - 100.0 / 2_000_100.0).abs() < 1e-9, "{:?}", all.zeroed);
        let norm = large.iter().map(|number| f64::from(number * number)).sum::<f64>().sqrt();
        assert!((all.norm.before.unwrap() / norm - 1.0).abs() < 0.01);
    }

    #[test]
    fn numbers_that_are_none_and_every_dtype_make_figures() {
        let odd = float32(&[f32::NAN, f32::INFINITY, -f32::INFINITY, f32::MIN_POSITIVE / 2.0]);
        let of = |dtype: Dtype| Tensor::new(dtype, &[3], vec![0xff; 3 * dtype.size()]).unwrap();
        let mut tensors = Dtype::ALL.map(|dtype| (dtype.name().to_owned(), of(dtype))).to_vec();
        tensors.push(("odd".to_owned(), odd));
        let dxo = Dxo::of_tensors(DataKind::Weights, tensors).unwrap();
        let change = Sample::of(&dxo).unwrap().compare(&dxo, &IndexMap::new()).unwrap();
        assert_eq!(change.tensors.len(), Dtype::ALL.len() + 1);
        assert_eq!(change.all.max.before, None);
        assert!(serde_json::to_string(&change).is_ok_and(|text| !text.contains("NaN")));
    }
}
