//! PercentilePrivacy: of an update, only the largest elements are shared, and none beyond gamma.
//!
//! It truncates; it is not differential privacy. See the crate `truncation`.
#![cfg(target_arch = "wasm32")]

mod tensors;

use flip_sdk::{DataKind, Dxo, DxoFilter, Error, FlContext, Verdict, log};
use truncation::{Outcome, Settings};

/// The kinds of data that can be truncated.
const SUPPORTED: [DataKind; 2] = [DataKind::WeightDiff, DataKind::Weights];
/// NVFLARE's meta key for the number of local training steps that an update sums up.
const STEPS: &str = "NUM_STEPS_CURRENT_ROUND";

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Args {
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

struct PercentilePrivacy {
    args: Args,
    data_kinds: Vec<DataKind>,
}

impl DxoFilter for PercentilePrivacy {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        let data_kinds = args.data_kinds.clone().filter(|kinds| !kinds.is_empty());
        let data_kinds = data_kinds.unwrap_or_else(|| SUPPORTED.to_vec());
        if !data_kinds.iter().all(|kind| SUPPORTED.contains(kind)) {
            return Err(Error::InvalidArgument(
                "args: data_kinds: only WEIGHT_DIFF and WEIGHTS can be truncated".to_owned(),
            ));
        }
        Ok(Self { args, data_kinds })
    }

    fn data_kinds(&self) -> Vec<DataKind> {
        self.data_kinds.clone()
    }

    fn process_dxo(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
        if self.args.off {
            return Ok(Verdict::Unchanged("the filter is off".to_owned()));
        }
        let settings = Settings {
            percentile: self.args.percentile,
            gamma: self.args.gamma,
            steps: dxo.meta_as(STEPS)?.unwrap_or(1.0),
        };
        let mut tensors = tensors::of(dxo)?;
        Ok(match truncation::truncate(&mut tensors, &settings)? {
            Outcome::Refused(refusal) => Verdict::Refused(refusal.to_string()),
            Outcome::Unchanged(unchanged) => Verdict::Unchanged(unchanged.to_string()),
            Outcome::Truncated(truncated) => {
                let (max, min, cutoff, steps) =
                    (truncated.max, truncated.min, truncated.cutoff, settings.steps);
                log::info(&format!("max {max}, min {min}, cutoff {cutoff} of |x| per step; steps {steps}"));
                let zero_share = truncated.zeros as f64 / truncated.elements as f64;
                for (name, value) in [
                    ("max", max),
                    ("min", min),
                    ("cutoff", cutoff),
                    ("gamma", settings.gamma),
                    ("steps", steps),
                    ("zero-share", zero_share),
                ] {
                    log::gauge(name, value);
                }
                Verdict::Filtered
            }
        })
    }
}

flip_sdk::export_dxo_filter!(PercentilePrivacy);
