//! A truncation in steps.

use half::f16;
use order_statistics::{Look, Step as Selecting};

use crate::Dtype;
use crate::cutoff::Cutoff;
use crate::outcome::{Outcome, Refusal, Settings, Truncated, Unchanged};
use crate::real::Real;
use crate::task::{Report, Result, Task, Work};
use crate::tensor::Profile;

/// A truncation in steps, for tensors that several work on: each on parts of them.
///
/// The [`Task`] of a step is to be run on every part of the tensors, and what comes of each given to
/// [`Truncation::take`]; then comes the next step. Neither the parts nor their order change what comes of it. A
/// part is some of the tensors, or a piece of one: see [`Tensor::is_scalar`](crate::Tensor::is_scalar).
///
/// ```
/// use truncation::{Array, Dtype, Outcome, Settings, Step, Tensor, Truncation};
///
/// let part = |elements: &[f32]| {
///     let bytes = elements.iter().flat_map(|element| element.to_le_bytes()).collect();
///     [Array::new(Dtype::Float32, vec![elements.len() as u64], bytes).unwrap()]
/// };
/// let mut parts = [part(&[0.001, -0.5, 0.02]), part(&[3.0, -0.004])];
/// let profiles: Vec<_> = parts.iter().flatten().map(Tensor::profile).collect();
/// let mut truncation = Truncation::new(&profiles, &Settings { percentile: 50.0, gamma: 1.0, steps: 1.0 });
/// let outcome = loop {
///     match truncation.next() {
///         Step::Observe(task) | Step::Apply(task) => {
///             for part in &mut parts {
///                 truncation.take(task.run(part, 1000)?);
///             }
///         }
///         Step::Done(outcome) => break outcome,
///     }
/// };
/// assert!(matches!(outcome, Outcome::Truncated(t) if t.cutoff == f64::from(0.02f32) && t.zeros == 2));
/// assert_eq!(parts[1], part(&[1.0, 0.0]));
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Debug)]
pub struct Truncation {
    settings: Settings,
    state: State,
}

/// How a truncation goes on.
#[derive(Debug)]
pub enum Step {
    /// A task for every part that changes nothing.
    Observe(Task),
    /// The task that truncates every part.
    Apply(Task),
    /// It is done.
    Done(Outcome),
}

#[derive(Debug)]
enum State {
    Float16(Cutoff<f16>),
    Float32(Cutoff<f32>),
    Float64(Cutoff<f64>),
    Applying(Truncated),
    Done(Outcome),
}

impl Truncation {
    /// The truncation of the tensors that have these profiles.
    pub fn new(profiles: &[Profile], settings: &Settings) -> Self {
        let widest = profiles.iter().map(|profile| profile.dtype.output()).max_by_key(|dtype| dtype.size());
        let nothing = State::Done(Outcome::Unchanged(Unchanged::NoElements));
        let state = match (settings.refusal(), widest) {
            (Some(refusal), _) => State::Done(Outcome::Refused(refusal)),
            (None, None) => State::Done(Outcome::Unchanged(Unchanged::NoTensors)),
            (None, Some(Dtype::Float16)) => Cutoff::new(profiles, settings).map_or(nothing, State::Float16),
            (None, Some(Dtype::Float32)) => Cutoff::new(profiles, settings).map_or(nothing, State::Float32),
            (None, Some(_)) => Cutoff::new(profiles, settings).map_or(nothing, State::Float64),
        };
        Self { settings: *settings, state }
    }

    /// Takes what came of one part. What does not belong to the step makes it a refusal.
    pub fn take(&mut self, report: Report) {
        match (&mut self.state, report.0) {
            (State::Float16(cutoff), Result::Float16(seen)) => cutoff.take(seen),
            (State::Float32(cutoff), Result::Float32(seen)) => cutoff.take(seen),
            (State::Float64(cutoff), Result::Float64(seen)) => cutoff.take(seen),
            (State::Applying(truncated), Result::Zeros(zeros)) => truncated.zeros += zeros,
            (state, _) => *state = State::Done(Outcome::Refused(Refusal::Changed)),
        }
    }

    /// Goes on, once the task was run on every part.
    #[expect(
        clippy::should_implement_trait,
        reason = "it does not end with a last item, but with an outcome"
    )]
    pub fn next(&mut self) -> Step {
        let settings = self.settings;
        let decided = match &mut self.state {
            State::Float16(cutoff) => decide(cutoff, &settings, Work::Float16),
            State::Float32(cutoff) => decide(cutoff, &settings, Work::Float32),
            State::Float64(cutoff) => decide(cutoff, &settings, Work::Float64),
            State::Applying(truncated) => {
                let outcome = Outcome::Truncated(*truncated);
                self.state = State::Done(outcome);
                return Step::Done(outcome);
            }
            State::Done(outcome) => return Step::Done(*outcome),
        };
        match decided {
            Ok(task) => Step::Observe(task),
            Err(Some(truncated)) => {
                self.state = State::Applying(truncated);
                Step::Apply(Task(Work::Apply { settings, cutoff: truncated.cutoff }))
            }
            Err(None) => {
                let outcome = Outcome::Refused(Refusal::Changed);
                self.state = State::Done(outcome);
                Step::Done(outcome)
            }
        }
    }
}

/// The next look, or what the search came to.
fn decide<T: Real>(
    cutoff: &mut Cutoff<T>,
    settings: &Settings,
    work: fn(Look<T::Key>, Option<f64>) -> Work,
) -> std::result::Result<Task, Option<Truncated>> {
    match cutoff.next() {
        Selecting::Look(look) => Ok(Task(work(look, (!cutoff.selected_only).then_some(settings.steps)))),
        Selecting::Done(selected) => Err(selected.map(|selected| cutoff.found(selected))),
    }
}
