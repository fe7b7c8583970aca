//! PercentilePrivacy: of an update, only the largest elements are shared, and none beyond gamma.
//!
//! It truncates; it is not differential privacy. See the crate `truncation`.
#![cfg(target_arch = "wasm32")]

use flip_sdk::{Configurable, DataKind, Dxo, DxoFilter, Error, FlContext, PhasedDxoFilter, Step, Verdict};
use percentile_filter::{Args, Ended, PercentileFilter, Run, Stage, process_part};

struct PercentilePrivacy {
    filter: PercentileFilter,
    /// What was begun.
    run: Option<Run>,
}

impl PercentilePrivacy {
    /// The truncation of a dxo, unless the filter is off.
    fn run(&self, dxo: &Dxo) -> Result<Option<Run>, Error> {
        if self.filter.off {
            return Ok(None);
        }
        let all = Stage { name: None, tensors: dxo.names() };
        Ok(Some(Run::new(self.filter.settings(dxo)?, vec![all])))
    }
}

fn off() -> Verdict {
    Verdict::Unchanged("the filter is off".to_owned())
}

fn verdict(ended: &[Ended]) -> Verdict {
    match ended.iter().find_map(|stage| stage.unchanged) {
        Some(unchanged) => Verdict::Unchanged(unchanged.to_string()),
        None => Verdict::Filtered,
    }
}

impl Configurable for PercentilePrivacy {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self { filter: args.try_into()?, run: None })
    }
}

impl DxoFilter for PercentilePrivacy {
    fn data_kinds(&self) -> Vec<DataKind> {
        self.filter.data_kinds()
    }

    fn process_dxo(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
        let Some(mut run) = self.run(dxo)? else { return Ok(off()) };
        Ok(run.alone(dxo)?.unwrap_or_else(|| verdict(&run.ended)))
    }
}

impl PhasedDxoFilter for PercentilePrivacy {
    fn begin(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Step, Error> {
        self.run = self.run(dxo)?;
        self.next(dxo)
    }

    fn process_part(&mut self, task: &[u8], part: &Dxo) -> Result<Vec<u8>, Error> {
        process_part(task, part)
    }

    fn take_report(&mut self, report: &[u8]) -> Result<(), Error> {
        self.run.as_mut().map_or(Ok(()), |run| run.take_report(report))
    }

    fn next(&mut self, dxo: &Dxo) -> Result<Step, Error> {
        self.run.as_mut().map_or_else(|| Ok(Step::Done(off())), |run| run.next(dxo, verdict))
    }
}

flip_sdk::export!(PercentilePrivacy: dxo_filter, phased_dxo_filter);
