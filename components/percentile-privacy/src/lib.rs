//! PercentilePrivacy: of an update, only the largest elements are shared, and none beyond gamma.
//!
//! It truncates; it is not differential privacy. See the crate `truncation`.
#![cfg(target_arch = "wasm32")]

use flip_sdk::{Configurable, DataKind, Dxo, DxoFilter, Error, FlContext, Verdict};
use percentile_filter::{Args, DxoTensor, PercentileFilter};
use truncation::Outcome;

struct PercentilePrivacy(PercentileFilter);

impl Configurable for PercentilePrivacy {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self(args.try_into()?))
    }
}

impl DxoFilter for PercentilePrivacy {
    fn data_kinds(&self) -> Vec<DataKind> {
        self.0.data_kinds()
    }

    fn process_dxo(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
        if self.0.off {
            return Ok(Verdict::Unchanged("the filter is off".to_owned()));
        }
        let settings = self.0.settings(dxo)?;
        let mut tensors = DxoTensor::all(dxo, |_| true)?;
        Ok(match self.0.truncate(&mut tensors, &settings, None)? {
            Outcome::Refused(refusal) => Verdict::Refused(refusal.to_string()),
            Outcome::Unchanged(unchanged) => Verdict::Unchanged(unchanged.to_string()),
            Outcome::Truncated(_) => Verdict::Filtered,
        })
    }
}

flip_sdk::export!(PercentilePrivacy: dxo_filter);
