//! Filters that work in phases: several instances share a dxo.

use std::sync::Arc;
use std::time::Instant;

use super::parts::{PART, Parts, named};
use super::workers::share;
use crate::bindings::exports::flip::fl::phased_dxo_filter::{Access, Guest, GuestIndices, Phase, Step};
use crate::bindings::flip::fl::types::{self, Verdict};
use crate::budget::Charge;
use crate::context::FlContext;
use crate::error::Error;
use crate::exchange::Dxo;
use crate::host::exchange::HostDxo;
use crate::instance::{Instance, Scope, Sharing};
use crate::limits::Limits;

/// Bytes of a report at most, which the contract names.
const REPORT: u64 = Limits::DEFAULT.call_bytes;

/// A report that waits for those before it, on the account of the instance that made it.
struct Report {
    bytes: Vec<u8>,
    _charge: Charge,
}

/// What a component answers.
type Answer<T> = Result<T, types::Error>;

/// An instance and its exports.
struct Worker<'a>(&'a mut Instance, Guest);

impl Worker<'_> {
    fn of(instance: &mut Instance) -> Result<Worker<'_>, Error> {
        let (pre, store, raw) = instance.parts()?;
        let guest = GuestIndices::new(pre).and_then(|indices| indices.load(store, &raw));
        let guest = guest.map_err(|error| instance.ended(&error))?;
        Ok(Worker(instance, guest))
    }

    fn begin(&mut self, dxo: Dxo, ctx: &Arc<FlContext>, scope: Scope<'_>) -> Result<(Dxo, Step), Error> {
        let Self(instance, guest) = self;
        let (dxo, step) = instance.with_dxo(dxo, scope, HostDxo::update, async |store, dxo| {
            let ctx = store.data_mut().lend(ctx)?;
            guest.call_begin(store, dxo, ctx).await
        })?;
        Ok((dxo, self.answered(step)?))
    }

    fn process_part(&mut self, task: &[u8], part: Dxo, scope: Scope<'_>) -> Result<(Dxo, Report), Error> {
        let Self(instance, guest) = self;
        let (part, report) = instance.with_dxo(part, scope, HostDxo::part, async |store, part| {
            guest.call_process_part(store, task, part).await
        })?;
        let bytes = self.answered(report)?;
        let charge = self.0.charged(bytes.len() as u64)?;
        Ok((part, Report { bytes, _charge: charge }))
    }

    fn take_report(&mut self, report: &Report, scope: Scope<'_>) -> Result<(), Error> {
        let Self(instance, guest) = self;
        let taken = instance
            .enter(scope, async |live| guest.call_take_report(&mut live.store, &report.bytes).await)?;
        self.answered(taken)
    }

    fn next(&mut self, dxo: Dxo, scope: Scope<'_>) -> Result<(Dxo, Step), Error> {
        let Self(instance, guest) = self;
        let (dxo, step) = instance
            .with_dxo(dxo, scope, HostDxo::update, async |store, dxo| guest.call_next(store, dxo).await)?;
        Ok((dxo, self.answered(step)?))
    }

    fn answered<T>(&self, answer: Answer<T>) -> Result<T, Error> {
        answer.map_err(|error| self.0.failed(error))
    }
}

impl Instance {
    /// How this dxo is shared; none where one instance alone is as quick, or the component does not work in
    /// phases.
    pub(super) fn sharing(&self, dxo: &Dxo) -> Option<Sharing> {
        if dxo.tensors().is_none() || !self.has_phases() || self.limits().call_bytes < REPORT {
            return None;
        }
        if self.sharing.is_some() {
            return self.sharing;
        }
        let parts = dxo.byte_len().div_ceil(PART);
        let instances = if parts > 1 { self.cores().min(parts) } else { 1 };
        let instances = usize::try_from(instances).ok().filter(|instances| *instances > 1)?;
        Some(Sharing { part: PART, instances })
    }

    /// Filters one leaf dxo, with others. The time of a call is that of all phases together.
    pub(super) fn filter_in_phases(
        &mut self,
        dxo: Dxo,
        ctx: &Arc<FlContext>,
        sharing: Sharing,
    ) -> Result<(Dxo, Answer<Verdict>), Error> {
        self.make_helpers(sharing.instances.saturating_sub(1))?;
        let mut helpers = self.lend_helpers();
        let (instances, started) = (helpers.len() as u64 + 1, Instant::now());
        let filtered = self.filter_with(&mut helpers, dxo, ctx, sharing);
        self.take_back(helpers);
        self.shared(instances, started.elapsed());
        filtered
    }

    fn filter_with(
        &mut self,
        helpers: &mut [Self],
        dxo: Dxo,
        ctx: &Arc<FlContext>,
        sharing: Sharing,
    ) -> Result<(Dxo, Answer<Verdict>), Error> {
        let not_after = Instant::now().checked_add(self.limits().call_time);
        let scope = Scope { not_after, ..Scope::of(ctx) };
        let mut helpers = helpers.iter_mut().map(Worker::of).collect::<Result<Vec<_>, Error>>()?;
        let mut leader = Worker::of(self)?;
        let (mut dxo, mut step) = leader.begin(dxo, ctx, scope)?;
        loop {
            match step {
                Step::Done(verdict) => return Ok((dxo, Ok(verdict))),
                Step::Phase(phase) => {
                    run(&mut leader, &mut helpers, &mut dxo, &phase, sharing.part, scope)?;
                    (dxo, step) = leader.next(dxo, scope)?;
                }
            }
        }
    }
}

/// Runs a phase: every part is processed, every report taken.
fn run<'a>(
    leader: &mut Worker<'a>,
    helpers: &mut [Worker<'a>],
    dxo: &mut Dxo,
    phase: &Phase,
    part: u64,
    scope: Scope<'_>,
) -> Result<(), Error> {
    let kind = dxo.kind();
    let name = leader.0.name().to_owned();
    let invalid = |reason: &str| Error::InvalidData(format!("{name}: {reason}"));
    let nameless = || invalid("a phase names a tensor twice, or one that is not there");
    let given = leader.0.given(dxo)?;
    let tensors = dxo.tensors_mut().ok_or_else(nameless)?;
    let parts = Parts::of(part, named(&phase.tensors, tensors).ok_or_else(nameless)?);
    let work = |worker: &mut Worker<'a>, part: Dxo| worker.process_part(&phase.task, part, scope);
    match phase.access {
        Access::Observe => {
            share(leader, helpers, parts.observed(kind, tensors), work, |leader, (_, report)| {
                leader.take_report(&report, scope)
            })
        }
        Access::Apply => {
            let (apart, pieces) =
                leader.0.writing(given, |writing| parts.apart(kind, tensors, writing))??;
            let mut done = Vec::with_capacity(pieces.len());
            share(leader, helpers, pieces, work, |leader, (part, report)| {
                done.push(part);
                leader.take_report(&report, scope)
            })?;
            apart.join(done, tensors).ok_or_else(|| invalid("it kept a handle of a part open"))
        }
    }
}
