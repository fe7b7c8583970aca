//! Largest-percentile-to-share truncation of model updates.
//!
//! Of a federated learning site's update, only the elements of the largest magnitude are shared: those below
//! a percentile of all magnitudes become zero, and what is left is clipped (Shokri and Shmatikov,
//! "Privacy-Preserving Deep Learning", CCS 2015). **This is not differential privacy**: no noise is added,
//! nothing is proved about what the shared elements reveal, and which elements are zero depends on the data.
//!
//! The result is that of NumPy 2, bit for bit. With |·| over all elements of all tensors together:
//!
//! 1. Every tensor is divided by `steps`.
//! 2. The cutoff is `numpy.percentile` (linear interpolation) of the magnitudes, in the widest type present.
//! 3. In tensors that have dimensions, elements with −cutoff < x < cutoff become +0.0, and all are clipped
//!    to [−gamma, gamma].
//! 4. Every tensor is multiplied by `steps`.
//!
//! Floats keep their type, integers and bools are computed and returned as float64, bfloat16 as float32.
//!
//! The tensors may live elsewhere: [`Tensor`] shows them in windows. Beyond those, a few MiB of memory are
//! used whatever their size. [`Array`] is a tensor in memory.
//!
//! ```
//! use truncation::{Array, Dtype, Outcome, Settings, truncate};
//!
//! let update = [0.001f32, -0.5, 0.02, 3.0, -0.004].map(f32::to_le_bytes).concat();
//! let mut tensors = [Array::new(Dtype::Float32, vec![5], update).unwrap()];
//!
//! let outcome = truncate(&mut tensors, &Settings { percentile: 50.0, gamma: 1.0, steps: 1.0 })?;
//! assert!(matches!(outcome, Outcome::Truncated(t) if t.cutoff == f64::from(0.02f32) && t.max == 3.0));
//!
//! let shared = [0.0f32, -0.5, 0.02, 1.0, 0.0].map(f32::to_le_bytes).concat();
//! assert_eq!(tensors[0].bytes(), shared);
//! # Ok::<(), std::convert::Infallible>(())
//! ```

#![forbid(unsafe_code)]

mod apply;
mod array;
mod cutoff;
mod dtype;
mod kernel;
mod load;
mod magnitudes;
mod outcome;
mod real;
mod task;
mod tensor;
mod truncation;

pub use array::Array;
pub use dtype::Dtype;
pub use outcome::{Outcome, Refusal, Settings, Truncated, Unchanged};
pub use task::{Garbled, Report, Task};
pub use tensor::{Profile, Tensor, WINDOW};
pub use truncation::{Step, Truncation};

/// Elements in a report where the tensors are one part: as many as a selection ever collects.
const ROOM: usize = 1 << 20;

/// Truncates tensors in place.
///
/// Nothing is written unless the outcome is [`Outcome::Truncated`], or the write fails.
///
/// # Errors
/// Those of the tensors. After an error some tensors may be truncated and others not: do not share them.
pub fn truncate<T: Tensor>(tensors: &mut [T], settings: &Settings) -> Result<Outcome, T::Error> {
    let profiles: Vec<_> = tensors.iter().map(Tensor::profile).collect();
    let mut truncation = Truncation::new(&profiles, settings);
    loop {
        match truncation.next() {
            Step::Observe(task) | Step::Apply(task) => truncation.take(task.run(tensors, ROOM)?),
            Step::Done(outcome) => return Ok(outcome),
        }
    }
}
