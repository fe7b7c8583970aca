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

impl Change {
    /// Whether the filter works in stages: then each has a cutoff of its own, and there is none of all.
    pub(crate) fn is_staged(&self) -> bool {
        self.all.cutoff.is_none() && self.tensors.iter().any(|tensor| tensor.change.cutoff.is_some())
    }
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
    /// What else became of it.
    #[serde(skip_serializing_if = "Became::is_same")]
    pub became: Became,
    /// Its elements.
    pub change: Distribution,
}

/// What became of a tensor as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It is there before and after, in the same shape.
    #[default]
    Same,
    /// The filter added it.
    Added,
    /// The filter removed it.
    Removed,
    /// The filter gave it another shape.
    Reshaped,
}

impl Became {
    fn is_same(&self) -> bool {
        *self == Self::Same
    }
}

/// Figures over elements before and after a filter. None of them says what a single element is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Distribution {
    /// How many elements there are.
    pub elements: u64,
    /// How many of them were looked at for these figures: where they are fewer, the figures are estimates.
    pub sampled: u64,
    /// The share of elements that the filter made zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zeroed: Option<f64>,
    /// The share of elements that the filter made smaller, and not zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clipped: Option<f64>,
    /// The Euclidean norm, in four digits; none of few elements.
    pub norm: Pair<Option<f64>>,
    /// A power of two that every magnitude is below; none of few elements.
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
    /// The common logarithms of the first edge and of the ratio; none where they make no bins.
    pub fn scale(&self) -> Option<(f64, f64)> {
        let (first, step) = (self.first.log10(), self.ratio.log10());
        (first.is_finite() && step.is_finite() && step > 0.0).then_some((first, step))
    }
}
