//! What is asked for, and what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How to truncate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The share of the elements to zero, in percent, from 0 to 100.
    pub percentile: f64,
    /// The largest magnitude to share, per step. Positive.
    pub gamma: f64,
    /// How many local training steps the update sums up. Positive and finite.
    pub steps: f64,
}

impl Settings {
    /// Why these settings make no sense, if they do not.
    pub fn refusal(&self) -> Option<Refusal> {
        let Self { percentile, gamma, steps } = *self;
        if gamma <= 0.0 || gamma.is_nan() {
            Some(Refusal::Gamma(gamma))
        } else if !(0.0..=100.0).contains(&percentile) {
            Some(Refusal::Percentile(percentile))
        } else if steps <= 0.0 || !steps.is_finite() {
            Some(Refusal::Steps(steps))
        } else {
            None
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The tensors are truncated.
    Truncated(Truncated),
    /// There was nothing to truncate.
    Unchanged(Unchanged),
    /// It could not be done, and nothing was.
    Refused(Refusal),
}

/// What the elements were truncated at, and what they were: magnitudes per step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truncated {
    /// Smaller magnitudes became zero. NaN, and none did, if any element is NaN.
    pub cutoff: f64,
    /// The smallest magnitude; NaN if any element is.
    pub min: f64,
    /// The largest magnitude; NaN if any element is.
    pub max: f64,
    /// How many elements there are in all tensors.
    pub elements: u64,
    /// How many of them are zero in the result.
    pub zeros: u64,
}

/// Why there was nothing to truncate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// There are no tensors.
    NoTensors,
    /// All tensors are empty.
    NoElements,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// Not positive.
    Gamma(f64),
    /// Not within 0 to 100.
    Percentile(f64),
    /// Not positive, or not finite.
    Steps(f64),
    /// The elements were not the same in each pass over them.
    Changed,
}

impl fmt::Display for Unchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTensors => "there are no tensors",
            Self::NoElements => "all tensors are empty",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gamma(gamma) => write!(f, "gamma is {gamma}, but must be positive"),
            Self::Percentile(percentile) => {
                write!(f, "percentile is {percentile}, but must be from 0 to 100")
            }
            Self::Changed => f.write_str("the elements changed while they were read"),
            Self::Steps(steps) => write!(f, "steps is {steps}, but must be positive and finite"),
        }
    }
}
