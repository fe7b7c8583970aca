//! The truncation of a dxo: of all its tensors at once, or of one stage after the other. Each is done in steps,
//! by one instance or by several.

use std::collections::VecDeque;

use flip_sdk::{Access, Dxo, Error, Phase, Step, Verdict, log};
use truncation::{Outcome, Report, Settings, Tensor, Truncation, Unchanged};

use crate::tell;
use crate::tensors::DxoTensor;

/// Elements in the report of a part, at most: half a MiB of them. Some thousand lie near the cutoff in a part.
const ROOM: usize = 1 << 16;
/// The same where one instance does everything: see `truncation::truncate`.
const ROOM_ALONE: usize = 1 << 20;

/// Tensors that are truncated together.
pub struct Stage {
    /// What they are called in the log; none where they are all.
    pub name: Option<String>,
    /// Their names.
    pub tensors: Vec<String>,
}

/// How a stage ended.
pub struct Ended {
    /// Its name.
    pub name: Option<String>,
    /// Why it was left as it is; none where it was truncated.
    pub unchanged: Option<Unchanged>,
}

/// A dxo's truncation under way.
pub struct Run {
    settings: Settings,
    stages: VecDeque<Stage>,
    current: Option<(Stage, Truncation)>,
    /// How the stages ended that are done, in their order.
    pub ended: Vec<Ended>,
}

impl Run {
    /// The truncation of these stages, one after the other.
    pub fn new(settings: Settings, stages: Vec<Stage>) -> Self {
        Self { settings, stages: stages.into(), current: None, ended: Vec::new() }
    }

    /// Does everything. The stages are done then; else it is why the filter refuses.
    ///
    /// # Errors
    ///
    /// Those of the host.
    pub fn alone(&mut self, dxo: &Dxo) -> Result<Option<Verdict>, Error> {
        loop {
            match self.step(dxo)? {
                Next::Done(refused) => return Ok(refused),
                Next::Phase(_, task) => {
                    let Some((stage, truncation)) = &mut self.current else { continue };
                    let mut tensors = DxoTensor::of(dxo, &stage.tensors)?;
                    truncation.take(task.run(&mut tensors, ROOM_ALONE)?);
                }
            }
        }
    }

    /// The next step of several instances. Once the stages are done, `verdict` says what comes of them.
    ///
    /// # Errors
    ///
    /// Those of the host.
    pub fn next(&mut self, dxo: &Dxo, verdict: impl FnOnce(&[Ended]) -> Verdict) -> Result<Step, Error> {
        let (access, task) = match self.step(dxo)? {
            Next::Done(refused) => return Ok(Step::Done(refused.unwrap_or_else(|| verdict(&self.ended)))),
            Next::Phase(access, task) => (access, task),
        };
        let mut tensors = Vec::new();
        if let Some((stage, truncation)) = &mut self.current {
            for name in &stage.tensors {
                let tensor = DxoTensor::open(dxo, name)?;
                // What becomes another dtype takes the place of a tensor, which no part can: mostly single
                // numbers, and done at once.
                let dtype = tensor.dtype();
                if access == Access::Apply && dtype.output() != dtype {
                    truncation.take(task.run(&mut [tensor], ROOM)?);
                } else {
                    tensors.push(name.clone());
                }
            }
        }
        Ok(Step::Phase(Phase { access, tensors, task: task.to_bytes().map_err(garbled)? }))
    }

    /// Takes the report of a part.
    ///
    /// # Errors
    ///
    /// `invalid-argument`: it is none.
    pub fn take_report(&mut self, report: &[u8]) -> Result<(), Error> {
        let report = Report::from_bytes(report).map_err(garbled)?;
        if let Some((_, truncation)) = &mut self.current {
            truncation.take(report);
        }
        Ok(())
    }

    fn step(&mut self, dxo: &Dxo) -> Result<Next, Error> {
        loop {
            if self.current.is_none() {
                let Some(stage) = self.stages.pop_front() else { return Ok(Next::Done(None)) };
                let tensors = DxoTensor::of(dxo, &stage.tensors)?;
                let profiles: Vec<_> = tensors.iter().map(Tensor::profile).collect();
                self.current = Some((stage, Truncation::new(&profiles, &self.settings)));
            }
            let Some((stage, truncation)) = &mut self.current else { continue };
            let outcome = match truncation.next() {
                truncation::Step::Observe(task) => return Ok(Next::Phase(Access::Observe, task)),
                truncation::Step::Apply(task) => return Ok(Next::Phase(Access::Apply, task)),
                truncation::Step::Done(outcome) => outcome,
            };
            let name = stage.name.take();
            self.current = None;
            let unchanged = match outcome {
                Outcome::Refused(refusal) => {
                    return Ok(Next::Done(Some(Verdict::Refused(refusal.to_string()))));
                }
                Outcome::Unchanged(unchanged) => {
                    if let Some(name) = &name {
                        log::warning(&format!("{name} is skipped: {unchanged}"));
                    }
                    Some(unchanged)
                }
                Outcome::Truncated(truncated) => {
                    tell(&truncated, &self.settings, name.as_deref());
                    None
                }
            };
            self.ended.push(Ended { name, unchanged });
        }
    }
}

/// How a run goes on: with a phase, or to its end, which may be a refusal.
enum Next {
    Phase(Access, truncation::Task),
    Done(Option<Verdict>),
}

/// Does a phase's task with one part.
///
/// # Errors
///
/// Those of the host; `invalid-argument`: it is no task.
pub fn process_part(task: &[u8], part: &Dxo) -> Result<Vec<u8>, Error> {
    let task = truncation::Task::from_bytes(task).map_err(garbled)?;
    let mut tensors = DxoTensor::of(part, &part.names())?;
    task.run(&mut tensors, ROOM)?.to_bytes().map_err(garbled)
}

fn garbled(error: truncation::Garbled) -> Error {
    Error::InvalidArgument(error.to_string())
}
