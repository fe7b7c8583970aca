//! StagePercentilePrivacy: PercentilePrivacy for a model that is trained in stages. Each stage is filtered
//! on its own, over its own tensors only; tensors outside every stage stay exactly as they are.
//!
//! It truncates; it is not differential privacy. See the crate `truncation`.
#![cfg(target_arch = "wasm32")]

use flip_sdk::{Configurable, DataKind, Dxo, DxoFilter, Error, FlContext, Verdict, log};
use percentile_filter::{Args, DxoTensor, PercentileFilter};
use truncation::Outcome;

/// The meta key of the stages.
const STAGES: &str = "stage";

/// The first parts of the names of a stage's tensors: `encoder` covers `encoder.layer1.weight`.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Stage {
    One(String),
    Several(Vec<String>),
}

impl Stage {
    fn parts(&self) -> &[String] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Several(parts) => parts,
        }
    }

    fn covers(&self, name: &str) -> bool {
        let first = name.split_once('.').map_or(name, |(first, _)| first);
        self.parts().iter().any(|part| part == first)
    }
}

struct StagePercentilePrivacy(PercentileFilter);

impl Configurable for StagePercentilePrivacy {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self(args.try_into()?))
    }
}

impl DxoFilter for StagePercentilePrivacy {
    fn data_kinds(&self) -> Vec<DataKind> {
        self.0.data_kinds()
    }

    fn process_dxo(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
        if self.0.off {
            return Ok(Verdict::Unchanged("the filter is off".to_owned()));
        }
        let settings = self.0.settings(dxo)?;
        // Told before anything is filtered, also where there is nothing to filter.
        if let Some(refusal) = settings.refusal() {
            return Ok(Verdict::Refused(refusal.to_string()));
        }
        let Some(stages) = dxo.meta_as::<Vec<Stage>>(STAGES)? else {
            return Ok(Verdict::Unchanged(format!("its meta has no {STAGES:?}")));
        };
        let mut filtered = false;
        for stage in stages {
            let part = format!("stage {}", stage.parts().join("+"));
            let mut tensors = DxoTensor::all(dxo, |name| stage.covers(name))?;
            match self.0.truncate(&mut tensors, &settings, Some(&part))? {
                Outcome::Refused(refusal) => return Ok(Verdict::Refused(refusal.to_string())),
                Outcome::Unchanged(reason) => log::warning(&format!("{part} is skipped: {reason}")),
                Outcome::Truncated(_) => filtered = true,
            }
        }
        Ok(match filtered {
            true => Verdict::Filtered,
            false => Verdict::Unchanged("no stage has elements".to_owned()),
        })
    }
}

flip_sdk::export!(StagePercentilePrivacy: dxo_filter);
