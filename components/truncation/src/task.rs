//! What is done with each part of the tensors in a step, and what comes of it.

use half::f16;
use order_statistics::{Look, Seen};
use serde::{Deserialize, Serialize};

use crate::apply::apply;
use crate::magnitudes::Magnitudes;
use crate::outcome::Settings;
use crate::tensor::Tensor;

/// What is to be done with each part of the tensors. Its bytes tell it to somebody else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task(pub(crate) Work);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    Float16(Look<u16>, Option<f64>),
    Float32(Look<u32>, Option<f64>),
    Float64(Look<u64>, Option<f64>),
    Apply { settings: Settings, cutoff: f64 },
}

/// What came of a part.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report(pub(crate) Result);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Result {
    Float16(Seen<u16>),
    Float32(Seen<u32>),
    Float64(Seen<u64>),
    Zeros(u64),
}

/// Bytes that are no task, or no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbled(postcard::Error);

impl std::fmt::Display for Garbled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not made by this filter: {}", self.0)
    }
}

impl std::error::Error for Garbled {}

impl Task {
    /// Does it with one part of the tensors. The report has no more than `room` elements.
    ///
    /// # Errors
    /// Those of the tensors.
    pub fn run<X: Tensor>(&self, part: &mut [X], room: usize) -> std::result::Result<Report, X::Error> {
        Ok(Report(match &self.0 {
            Work::Float16(look, steps) => {
                Result::Float16(look.at(&mut Magnitudes::<X, f16>::new(part, *steps), room)?)
            }
            Work::Float32(look, steps) => {
                Result::Float32(look.at(&mut Magnitudes::<X, f32>::new(part, *steps), room)?)
            }
            Work::Float64(look, steps) => {
                Result::Float64(look.at(&mut Magnitudes::<X, f64>::new(part, *steps), room)?)
            }
            Work::Apply { settings, cutoff } => Result::Zeros(apply(part, settings, *cutoff)?),
        }))
    }
}

macro_rules! bytes {
    ($($name:ident)*) => {$(
        impl $name {
            /// It, as bytes.
            ///
            /// # Errors
            /// Not for what this crate made.
            pub fn to_bytes(&self) -> std::result::Result<Vec<u8>, Garbled> {
                postcard::to_allocvec(self).map_err(Garbled)
            }

            /// It, from its bytes.
            ///
            /// # Errors
            /// [`Garbled`] where they are another thing's.
            pub fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, Garbled> {
                postcard::from_bytes(bytes).map_err(Garbled)
            }
        }
    )*};
}

bytes! { Task Report }
