//! What the filters that truncate at a percentile share: their args, the tensors of a dxo as
//! [`truncation`] takes them, and what they tell of their work.

mod run;
mod tensors;

use flip_sdk::{DataKind, Dxo, Error, log};
use truncation::{Settings, Truncated};

pub use run::{Ended, Run, Stage, process_part};

/// The kinds of data that can be truncated.
const SUPPORTED: [DataKind; 2] = [DataKind::WeightDiff, DataKind::Weights];
/// NVFLARE's meta key for the number of local training steps that an update sums up.
const STEPS: &str = "NUM_STEPS_CURRENT_ROUND";

/// The args of these filters.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Args {
    percentile: f64,
    gamma: f64,
    data_kinds: Option<Vec<DataKind>>,
    off: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self { percentile: 10.0, gamma: 0.01, data_kinds: None, off: false }
    }
}

/// A filter that is configured.
pub struct PercentileFilter {
    percentile: f64,
    gamma: f64,
    data_kinds: Vec<DataKind>,
    /// Whether it leaves everything as it is.
    pub off: bool,
}

impl TryFrom<Args> for PercentileFilter {
    type Error = Error;

    fn try_from(args: Args) -> Result<Self, Error> {
        let data_kinds =
            args.data_kinds.filter(|kinds| !kinds.is_empty()).unwrap_or_else(|| SUPPORTED.to_vec());
        if !data_kinds.iter().all(|kind| SUPPORTED.contains(kind)) {
            return Err(Error::InvalidArgument(
                "args: data_kinds: only WEIGHT_DIFF and WEIGHTS can be truncated".to_owned(),
            ));
        }
        Ok(Self { percentile: args.percentile, gamma: args.gamma, data_kinds, off: args.off })
    }
}

impl PercentileFilter {
    /// The kinds of data that it filters.
    pub fn data_kinds(&self) -> Vec<DataKind> {
        self.data_kinds.clone()
    }

    /// How to truncate this dxo.
    ///
    /// # Errors
    ///
    /// `invalid-data` where its number of steps is no number.
    pub fn settings(&self, dxo: &Dxo) -> Result<Settings, Error> {
        let steps = dxo.meta_as(STEPS)?.unwrap_or(1.0);
        Ok(Settings { percentile: self.percentile, gamma: self.gamma, steps })
    }
}

/// Tells of a truncation; `part` says of which tensors, where they are not all.
fn tell(truncated: &Truncated, settings: &Settings, part: Option<&str>) {
    let Truncated { max, min, cutoff, elements, zeros } = *truncated;
    let steps = settings.steps;
    let of = part.map_or_else(String::new, |part| format!("{part}: "));
    log::info(&format!("{of}max {max}, min {min}, cutoff {cutoff} of |x| per step; steps {steps}"));
    // Neither the largest nor the smallest: each is an element, and a report shows gauges to whoever reads it.
    let gauges = [
        ("cutoff", cutoff),
        ("gamma", settings.gamma),
        ("steps", steps),
        ("zero-share", zeros as f64 / elements as f64),
    ];
    for (name, value) in gauges {
        log::gauge(&format!("{of}{name}"), value);
    }
}
