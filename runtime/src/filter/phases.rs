//! Filters that work in phases: several instances share a dxo.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::Store;

use super::parts::{PART, Parts, named};
use super::workers::share;
use crate::bindings::exports::flip::fl::phased_dxo_filter::{Access, Guest, GuestIndices, Phase, Step};
use crate::bindings::flip::fl::types::{self, Verdict};
use crate::budget::{Budget, Charge, Kept};
use crate::context::FlContext;
use crate::error::Error;
use crate::exchange::Dxo;
use crate::host::HostState;
use crate::host::exchange::HostDxo;
use crate::instance::{Instance, Live, Scope, Sharing};
use crate::limits::Limits;
use crate::tensor::Writing;

/// Bytes of a report at most, which the contract names.
const REPORT: u64 = Limits::DEFAULT.call_bytes;

/// A report that waits for those before it, on the account of the instance that made it.
struct Report {
    bytes: Vec<u8>,
    _charges: [Charge; 2],
}

/// How a leaf is filtered.
#[derive(Clone, Copy)]
struct Whole<'a> {
    /// What the host kept of it when it was given, for all phases.
    given: Kept,
    ctx: &'a Arc<FlContext>,
    /// The time of all phases together.
    scope: Scope<'a>,
    /// The most bytes of a part.
    part: u64,
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

    fn begin(&mut self, dxo: Dxo, whole: Whole<'_>) -> Result<(Dxo, Step), Error> {
        let Self(instance, guest) = self;
        let Whole { given, ctx, scope, .. } = whole;
        let (guest, ctx) = (guest.clone(), ctx.clone());
        let (dxo, step) =
            instance.with_dxo(dxo, given, scope, HostDxo::update, async move |store, dxo| {
                let ctx = store.data_mut().lend(&ctx)?;
                guest.call_begin(store, dxo, ctx).await
            })?;
        Ok((dxo, self.answered(step)?))
    }

    fn process_part(
        &mut self,
        task: &Arc<[u8]>,
        part: Dxo,
        scope: Scope<'_>,
    ) -> Result<(Dxo, Report), Error> {
        let Self(instance, guest) = self;
        let (guest, task) = (guest.clone(), task.clone());
        let given = instance.given(&part)?;
        // Figures that it reports here are dropped: which instance works on a part is chance.
        let gauges = instance.gauges();
        let (part, report) =
            instance.with_dxo(part, given, scope, HostDxo::part, async move |store, part| {
                guest.call_process_part(store, &task, part).await
            })?;
        instance.set_gauges(gauges);
        let bytes = self.answered(report)?;
        let texts = bytes.len() as u64;
        if texts > REPORT {
            let reason = format!("{}: a report of {texts} bytes, where {REPORT} is the most", self.0.name());
            return Err(Error::InvalidData(reason));
        }
        let charges = self.0.charged(Kept { texts, tensors: 0 })?;
        Ok((part, Report { bytes, _charges: charges }))
    }

    fn take_report(&mut self, report: Report, scope: Scope<'_>) -> Result<(), Error> {
        let Self(instance, guest) = self;
        let guest = guest.clone();
        let take = async move |live: &mut Live| guest.call_take_report(&mut live.store, &report.bytes).await;
        let taken = instance.enter(scope, take)?;
        self.answered(taken)
    }

    fn next(&mut self, dxo: Dxo, whole: Whole<'_>) -> Result<(Dxo, Step), Error> {
        let Self(instance, guest) = self;
        let guest = guest.clone();
        let next = async move |store: &mut Store<HostState>, dxo| guest.call_next(store, dxo).await;
        let (dxo, step) = instance.with_dxo(dxo, whole.given, whole.scope, HostDxo::update, next)?;
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

    /// Filters one leaf dxo, with others. The time of a call is that of all phases together, and of making the others.
    pub(super) fn filter_in_phases(
        &mut self,
        dxo: Dxo,
        given: Kept,
        ctx: &Arc<FlContext>,
        sharing: Sharing,
    ) -> Result<(Dxo, Answer<Verdict>), Error> {
        let started = Instant::now();
        let not_after = started.checked_add(self.limits().call_time);
        let scope = Scope { not_after, ..Scope::of(ctx) }.and([&dxo]);
        self.make_helpers(sharing.instances.saturating_sub(1), scope)?;
        let mut helpers = self.lend_helpers();
        let instances = helpers.len() as u64 + 1;
        let filtered = self.filter_with(&mut helpers, dxo, Whole { given, ctx, scope, part: sharing.part });
        self.take_back(helpers);
        self.shared(instances, started.elapsed());
        filtered
    }

    fn filter_with(
        &mut self,
        helpers: &mut [Self],
        dxo: Dxo,
        whole: Whole<'_>,
    ) -> Result<(Dxo, Answer<Verdict>), Error> {
        let account = self.writing_account(whole.given)?;
        let mut helpers = helpers.iter_mut().map(Worker::of).collect::<Result<Vec<_>, Error>>()?;
        let mut leader = Worker::of(self)?;
        let (mut dxo, mut step) = leader.begin(dxo, whole)?;
        loop {
            match step {
                Step::Done(verdict) => return Ok((dxo, Ok(verdict))),
                Step::Phase(phase) => {
                    run(&mut leader, &mut helpers, &mut dxo, &phase, whole, &account)?;
                    (dxo, step) = leader.next(dxo, whole)?;
                }
            }
        }
    }
}

/// Runs a phase: every part is processed, every report taken. What is written is on `account`.
fn run<'a>(
    leader: &mut Worker<'a>,
    helpers: &mut [Worker<'a>],
    dxo: &mut Dxo,
    phase: &Phase,
    whole: Whole<'_>,
    account: &Budget,
) -> Result<(), Error> {
    let Whole { scope, part, .. } = whole;
    let kind = dxo.kind();
    let name = leader.0.name().to_owned();
    let invalid = |reason: &str| Error::InvalidData(format!("{name}: {reason}"));
    let nameless = || invalid("a phase names a tensor twice, or one that is not there");
    let tensors = dxo.tensors_mut().ok_or_else(nameless)?;
    let parts = Parts::of(part, named(&phase.tensors, tensors).ok_or_else(nameless)?);
    let task: Arc<[u8]> = phase.task.as_slice().into();
    let work = |worker: &mut Worker<'a>, part: Dxo| worker.process_part(&task, part, scope);
    match phase.access {
        Access::Observe => {
            share(leader, helpers, parts.observed(kind, tensors), work, |leader, (_, report)| {
                leader.take_report(report, scope)
            })
        }
        Access::Apply => {
            let mut whole = std::mem::take(tensors);
            let apart = move |writing: &Writing<'_>| {
                let (apart, pieces) = parts.apart(kind, &mut whole, writing)?;
                Ok((whole, apart, pieces))
            };
            let (whole, apart, pieces) = leader.0.writing(account, scope, apart)?;
            *tensors = whole;
            let mut done = Vec::with_capacity(pieces.len());
            share(leader, helpers, pieces, work, |leader, (part, report)| {
                done.push(part);
                leader.take_report(report, scope)
            })?;
            apart.join(done, tensors).ok_or_else(|| invalid("it kept a handle of a part open"))
        }
    }
}
