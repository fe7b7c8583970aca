//! StagePercentilePrivacy: PercentilePrivacy for a model that is trained in stages. Each stage is filtered
//! on its own, over its own tensors only; tensors outside every stage stay exactly as they are.
//!
//! It truncates; it is not differential privacy. See the crate `truncation`.
#![cfg(target_arch = "wasm32")]

use flip_sdk::{Configurable, DataKind, Dxo, DxoFilter, Error, FlContext, PhasedDxoFilter, Step, Verdict};
use percentile_filter::{Args, Ended, PercentileFilter, Run, Stage, process_part};

/// The meta key of the stages.
const STAGES: &str = "stage";

/// The first parts of the names of a stage's tensors: `encoder` covers `encoder.layer1.weight`.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Covers {
    One(String),
    Several(Vec<String>),
}

impl Covers {
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

struct StagePercentilePrivacy {
    filter: PercentileFilter,
    /// What was begun.
    run: Option<Run>,
}

impl StagePercentilePrivacy {
    /// The truncation of a dxo, or what is said of it at once.
    fn run(&self, dxo: &Dxo) -> Result<Result<Run, Verdict>, Error> {
        if self.filter.off {
            return Ok(Err(Verdict::Unchanged("the filter is off".to_owned())));
        }
        let settings = self.filter.settings(dxo)?;
        // Told before anything is filtered, also where there is nothing to filter.
        if let Some(refusal) = settings.refusal() {
            return Ok(Err(Verdict::Refused(refusal.to_string())));
        }
        let Some(covers) = dxo.meta_as::<Vec<Covers>>(STAGES)? else {
            return Ok(Err(Verdict::Unchanged(format!("its meta has no {STAGES:?}"))));
        };
        let names = dxo.names();
        let stages = covers.iter().map(|covers| Stage {
            name: Some(format!("stage {}", covers.parts().join("+"))),
            tensors: names.iter().filter(|name| covers.covers(name)).cloned().collect(),
        });
        Ok(Ok(Run::new(settings, stages.collect())))
    }
}

fn verdict(ended: &[Ended]) -> Verdict {
    match ended.iter().any(|stage| stage.unchanged.is_none()) {
        true => Verdict::Filtered,
        false => Verdict::Unchanged("no stage has elements".to_owned()),
    }
}

impl Configurable for StagePercentilePrivacy {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self { filter: args.try_into()?, run: None })
    }
}

impl DxoFilter for StagePercentilePrivacy {
    fn data_kinds(&self) -> Vec<DataKind> {
        self.filter.data_kinds()
    }

    fn process_dxo(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
        match self.run(dxo)? {
            Err(verdict) => Ok(verdict),
            Ok(mut run) => Ok(run.alone(dxo)?.unwrap_or_else(|| verdict(&run.ended))),
        }
    }
}

impl PhasedDxoFilter for StagePercentilePrivacy {
    fn begin(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Step, Error> {
        self.run = None;
        match self.run(dxo)? {
            Err(verdict) => Ok(Step::Done(verdict)),
            Ok(run) => self.run.insert(run).next(dxo, verdict),
        }
    }

    fn process_part(&mut self, task: &[u8], part: &Dxo) -> Result<Vec<u8>, Error> {
        process_part(task, part)
    }

    fn take_report(&mut self, report: &[u8]) -> Result<(), Error> {
        self.run.as_mut().map_or(Ok(()), |run| run.take_report(report))
    }

    fn next(&mut self, dxo: &Dxo) -> Result<Step, Error> {
        match &mut self.run {
            Some(run) => run.next(dxo, verdict),
            None => Err(Error::InvalidArgument("nothing was begun".to_owned())),
        }
    }
}

flip_sdk::export!(StagePercentilePrivacy: dxo_filter, phased_dxo_filter);
