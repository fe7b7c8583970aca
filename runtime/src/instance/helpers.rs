//! Instances of the same component that share another's work.

use std::time::Duration;

use super::own_thread::{for_long, on_own_thread};
use super::{Instance, Scope};
use crate::audit::Auditor;
use crate::bindings::flip::fl::types;
use crate::budget::{Budget, Charge, Kept, spent};
use crate::error::Error;
use crate::exchange::Dxo;
use crate::limits::{Allowed, LimitReached};
use crate::tensor::{Scratch, TensorError, Writing};
use crate::turns::cores;

/// How a dxo is shared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharing {
    /// The most bytes of a part.
    pub(crate) part: u64,
    pub(crate) instances: usize,
}

impl Instance {
    /// Whether others like it can share its work.
    pub(crate) fn has_phases(&self) -> bool {
        self.blueprint.is_some()
    }

    /// How many instances may share its work: itself, and others like it.
    pub(crate) fn cores(&self) -> u64 {
        self.limits.cores.min(self.with_places()).clamp(1, cores() as u64)
    }

    /// How many like it together are made of no more than it may be made of alone: the places for that are everybody's.
    fn with_places(&self) -> u64 {
        self.limits.instances / self.spent.lock().most.instances.max(1)
    }

    /// Makes so many helpers ready, or as many as there are places for, as a part of the call that they are for.
    pub(crate) fn make_helpers(&mut self, count: usize, scope: Scope<'_>) -> Result<(), Error> {
        self.helpers.retain(|helper| helper.live.is_some());
        let Some(blueprint) = &self.blueprint else { return Ok(()) };
        let most = usize::try_from(self.with_places()).unwrap_or(usize::MAX).saturating_sub(1);
        let count = count.min(most);
        while self.helpers.len() < count && !scope.is_aborted() {
            let audit = self.audit.as_ref().map(Auditor::of_another);
            let helper = blueprint.helper().counted(self.meter.clone()).noted_as(audit);
            let mut helper = match helper.build_within(scope) {
                Ok(helper) => helper,
                Err(Error::NoPlace { .. }) => break,
                Err(error) => return Err(error),
            };
            // A helper has none of its own.
            helper.blueprint = None;
            self.helpers.push(helper);
        }
        Ok(())
    }

    /// Lends its helpers, which come back by [`Instance::take_back`].
    pub(crate) fn lend_helpers(&mut self) -> Vec<Self> {
        std::mem::take(&mut self.helpers)
    }

    /// Takes its helpers back. Where the call of one did not return, neither did the whole: it is gone too. Where it is
    /// gone, so are they, and others have their places.
    pub(crate) fn take_back(&mut self, helpers: Vec<Self>) {
        if helpers.iter().any(|helper| helper.live.is_none()) {
            self.end();
        }
        if self.live.is_some() {
            self.helpers = helpers;
        }
    }

    /// So many instances shared its work, for so long: to the limits that is one call.
    pub(crate) fn shared(&mut self, instances: u64, took: Duration) {
        let most = &mut self.spent.lock().most;
        most.cores = most.cores.max(instances);
        most.call_time = most.call_time.max(took);
    }

    /// What the host keeps of a dxo that it is given, and may rewrite, as that is not its own.
    pub(crate) fn given(&self, dxo: &Dxo) -> Result<Kept, Error> {
        let live = self.live.as_ref().ok_or_else(|| self.poisoned())?;
        Ok(live.store.data().tensors.scratch.given(dxo))
    }

    /// What the host keeps for it between two calls.
    pub(crate) fn charged(&mut self, kept: Kept) -> Result<[Charge; 2], Error> {
        let live = self.live.as_ref().ok_or_else(|| self.poisoned())?;
        let budget = &live.store.data().tensors.budget;
        let texts = budget.charge_texts(kept.texts);
        let charges = texts.and_then(|texts| Ok([texts, budget.charge(kept.tensors)?]));
        charges.map_err(|error| {
            self.end();
            self.helpers = Vec::new();
            self.ended(&spent(error))
        })
    }

    /// An account for what several instances write to a dxo of which so much was given, with the component's limits: no
    /// instance holds it more than another.
    pub(crate) fn writing_account(&self, given: Kept) -> Result<Budget, Error> {
        let live = self.live.as_ref().ok_or_else(|| self.poisoned())?;
        let in_memory = matches!(live.store.data().tensors.scratch, Scratch::Memory);
        let account = Budget::new(&self.limits, in_memory);
        account.give(given);
        Ok(account)
    }

    /// How it would write to tensors, on that account, while it is not entered.
    pub(crate) fn writing<R: Send + 'static>(
        &self,
        account: &Budget,
        scope: Scope<'_>,
        write: impl FnOnce(&Writing<'_>) -> Result<R, TensorError> + Send + 'static,
    ) -> Result<R, Error> {
        let live = self.live.as_ref().ok_or_else(|| self.poisoned())?;
        let scratch = live.store.data().tensors.scratch.clone();
        let (account, context, not_after) = (account.clone(), scope.context.cloned(), scope.not_after);
        let is_over = move || {
            let scope = Scope { context: context.as_ref(), not_after, ..Scope::default() };
            scope.is_aborted() || scope.is_late()
        };
        let of_thread = is_over.clone();
        let write = move || {
            let go_on = || if of_thread() { Err(TensorError::Stopped) } else { Ok(()) };
            write(&Writing { scratch: &scratch, budget: &account, go_on: &go_on })
        };
        let written = match self.uses_disks || scope.uses_disks() {
            false => write(),
            true => {
                on_own_thread(&self.runtime, write, for_long(is_over)).unwrap_or(Err(TensorError::Stopped))
            }
        };
        written.map_err(|error| match error {
            TensorError::Stopped if scope.is_aborted() => self.failed(types::Error::Aborted),
            TensorError::Stopped => {
                let allowed = Allowed::Time(self.limits.call_time);
                self.ended(&LimitReached { limit: "call-time", allowed }.into())
            }
            TensorError::Limit(reached) => self.ended(&reached.into()),
            error => error.into(),
        })
    }
}
