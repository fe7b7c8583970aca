//! How a filter changed tensors: figures over their elements, never an element itself.

use serde::{Deserialize, Serialize};

/// How the tensors of a leaf changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Change {
    /// All tensors together.
    pub all: Distribution,
    /// Each tensor, in order.
    pub tensors: Vec<TensorChange>,
    /// How many more there are.
    pub left_out: u64,
}

/// How one tensor changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct TensorChange {
    /// Its name.
    pub name: String,
    /// The type of its elements, such as `float32`.
    pub dtype: String,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// Its elements.
    pub change: Distribution,
}

/// Figures over elements before and after a filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Distribution {
    /// How many elements there are.
    pub elements: u64,
    /// How many of them were looked at for these figures.
    pub sampled: u64,
    /// The share of elements that the filter made zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zeroed: Option<f64>,
    /// The share of elements that the filter made smaller, and not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clipped: Option<f64>,
    /// The Euclidean norm.
    pub norm: Pair<Option<f64>>,
    /// The largest magnitude.
    pub max: Pair<Option<f64>>,
    /// The magnitude below which the filter made elements zero, in the scale of the histogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cutoff: Option<f64>,
    /// The magnitude to which the filter made larger elements smaller, in the scale of the histogram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// How many elements have which magnitude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
}

/// Something before the filter, and after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Pair<T> {
    /// Before.
    pub before: T,
    /// After.
    pub after: T,
}

/// Magnitudes of elements, counted in logarithmic bins. Bin `i` is from `first * ratio^i` up to the next one's edge;
/// the first and the last also have what is beyond them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Histogram {
    /// The lower edge of the first bin, more than zero.
    pub first: f64,
    /// Between an edge and the next one, more than one.
    pub ratio: f64,
    /// The elements in each bin before the filter.
    pub before: Vec<u64>,
    /// The elements in each bin after it.
    pub after: Vec<u64>,
    /// The elements that are zero, which no bin has.
    #[serde(default)]
    pub zeros: Pair<u64>,
}

impl Histogram {
    /// Empty bins.
    ///
    /// ```
    /// let mut histogram = flip_report::Histogram::new(1e-6, 10.0, 6);
    /// histogram.add(0.25, 0.1);
    /// histogram.add(3e-6, 0.0);
    /// assert_eq!(histogram.before, [1, 0, 0, 0, 0, 1]);
    /// assert_eq!((&histogram.after[..], histogram.zeros.after), (&[0, 0, 0, 0, 0, 1][..], 1));
    /// ```
    pub fn new(first: f64, ratio: f64, bins: usize) -> Self {
        Self { first, ratio, before: vec![0; bins], after: vec![0; bins], zeros: Pair::default() }
    }

    /// Counts an element, as it was and as it is. What is not a number is not counted.
    pub fn add(&mut self, before: f64, after: f64) {
        let (first, ratio) = (self.first, self.ratio);
        count(&mut self.before, &mut self.zeros.before, first, ratio, before);
        count(&mut self.after, &mut self.zeros.after, first, ratio, after);
    }

    /// The common logarithms of the first edge and of the ratio; none where they make no bins.
    pub fn scale(&self) -> Option<(f64, f64)> {
        let (first, step) = (self.first.log10(), self.ratio.log10());
        (first.is_finite() && step.is_finite() && step > 0.0).then_some((first, step))
    }
}

fn count(bins: &mut [u64], zeros: &mut u64, first: f64, ratio: f64, value: f64) {
    let magnitude = value.abs();
    let bin = if magnitude == 0.0 {
        Some(zeros)
    } else if magnitude.is_nan() {
        None
    } else {
        let last = bins.len().saturating_sub(1);
        // A conversion to an integer saturates: what is beyond the bins is in the outer ones. The hair keeps an
        // edge, which a logarithm may miss, in the bin that it begins.
        let index = ((magnitude / first).ln() / ratio.ln() + 1e-9).floor() as usize;
        bins.get_mut(index.min(last))
    };
    if let Some(bin) = bin {
        *bin = bin.saturating_add(1);
    }
}
