//! One component's place in a job: it is entered one call at a time, and what is fired at it meanwhile
//! waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live::{Live, count};
use super::report::Failure;
use crate::context::FlContext;
use crate::error::Error;
use crate::host::log::one_line;
use crate::instance::{Instance, Interests, Scope};
use crate::policy::Grants;
use crate::usage::Usage;

/// The most events that wait for a component.
const MAX_PENDING: usize = 10_000;
/// The most failures of a component that are remembered for the report.
const MAX_FAILURES: usize = 100;

/// The longest name of what failed, in bytes.
const MAX_WHAT: usize = 300;

/// A component of a job.
pub(super) struct Slot {
    pub(super) id: Arc<str>,
    /// Its name in the log: that of the place, and its id.
    pub(super) label: Arc<str>,
    pub(super) component: crate::Component,
    pub(super) grants: Arc<Grants>,
    /// What it does, for whoever watches.
    pub(super) live: Arc<Live>,
    interests: Interests,
    state: Mutex<State>,
}

struct State {
    /// None while it is entered.
    instance: Option<Instance>,
    pending: VecDeque<(Arc<str>, Arc<FlContext>)>,
    failures: Vec<Failure>,
    /// Whether an event was lost.
    lost: bool,
    /// Whether more failed than is logged.
    quiet: bool,
}

impl Slot {
    pub(super) fn new(place: &str, id: &str, instance: Instance, grants: Arc<Grants>) -> Self {
        let id: Arc<str> = id.into();
        Self {
            live: Arc::new(Live::of(place, &id, &instance)),
            label: format!("{place}/{id}").into(),
            id,
            component: instance.component().clone(),
            grants,
            interests: instance.interests().clone(),
            state: Mutex::new(State {
                instance: Some(instance),
                pending: VecDeque::new(),
                failures: Vec::new(),
                lost: false,
                quiet: false,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the component; then the events that have waited are delivered.
    pub(super) fn enter<R>(&self, call: impl FnOnce(&mut Instance) -> Result<R, Error>) -> Result<R, Error> {
        // A component that is on the call stack leaves the events waiting until it returns.
        let taken = self.state().instance.take();
        let instance = taken.ok_or_else(|| Error::Busy { component: self.id.to_string() })?;
        self.enter_taken(instance, call)
    }

    fn enter_taken<R>(
        &self,
        mut instance: Instance,
        call: impl FnOnce(&mut Instance) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.live.enter();
        let result = call(&mut instance);
        loop {
            let mut state = self.state();
            self.live.set_calls(instance.calls());
            let Some((event_type, context)) = state.pending.pop_front() else {
                // Before the next one may enter it.
                self.live.leave();
                state.instance = Some(instance);
                return result;
            };
            drop(state);
            if let Err(error) = instance.handle_event(&event_type, &context) {
                self.note_failed_call(&event_type, &error);
            }
        }
    }

    /// Whether it handles events of this type.
    pub(super) fn is_interested(&self, event_type: &str) -> bool {
        self.interests.contains(event_type)
    }

    /// Delivers an event, now or when the component has returned.
    pub(super) fn deliver(&self, event_type: &str, scope: Scope<'_>, context: &Arc<FlContext>) {
        if !self.is_interested(event_type) {
            return;
        }
        let mut state = self.state();
        if let Some(instance) = state.instance.take() {
            drop(state);
            let handle = |instance: &mut Instance| instance.handle_event_within(event_type, scope, context);
            if let Err(error) = self.enter_taken(instance, handle) {
                self.note_failed_call(event_type, &error);
            }
        } else if state.pending.len() < MAX_PENDING {
            let event_type = self.interests.kept(event_type).cloned().unwrap_or_else(|| event_type.into());
            state.pending.push_back((event_type, context.clone()));
        } else if !std::mem::replace(&mut state.lost, true) {
            let event_type = one_line(event_type, MAX_WHAT);
            tracing::error!(
                component = &*self.label,
                "too many events wait: {event_type} is lost, and others may be"
            );
        }
    }

    /// Remembers a failure that a caller is told of as well.
    pub(super) fn note_failure(&self, what: &str, error: &Error) {
        // A component may have named it.
        let what = one_line(what, MAX_WHAT);
        tracing::error!(component = &*self.label, "{what}: {error}");
        count(&self.live.failures);
        let mut state = self.state();
        if state.failures.len() < MAX_FAILURES {
            state.failures.push(Failure { what, code: error.code(), error: error.to_string() });
        }
    }

    /// Remembers a failure of a call or an event by another component, of which there may be no end: as many are logged
    /// as are kept.
    pub(super) fn note_failed_call(&self, what: &str, error: &Error) {
        let kept = self.state().failures.len();
        if kept < MAX_FAILURES {
            return self.note_failure(what, error);
        }
        count(&self.live.failures);
        if !std::mem::replace(&mut self.state().quiet, true) {
            tracing::error!(component = &*self.label, "its later failures are counted, and not logged");
        }
    }

    /// What it has used, and how it failed; while it is entered, that is not known.
    pub(super) fn account(&self) -> (Usage, Vec<Failure>) {
        let state = self.state();
        (state.instance.as_ref().map(Instance::usage).unwrap_or_default(), state.failures.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;

    #[test]
    fn events_that_wait_outlast_a_call_of_the_component_that_is_on_the_stack() {
        let runtime = Runtime::new().unwrap();
        let handler = runtime.load("client-event-handler").unwrap().instance().build().unwrap();
        let slot = Slot::new("server", "handler", handler, Arc::default());
        let context = Arc::new(FlContext::default());
        let calls = slot.account().0.calls;
        let result = slot.enter(|_| {
            slot.deliver("an_event", Scope::of(&context), &context);
            assert!(matches!(slot.enter(|_| Ok(())), Err(Error::Busy { .. })));
            Ok(())
        });
        result.unwrap();
        let (usage, failures) = slot.account();
        assert_eq!(usage.calls, calls + 1);
        assert!(failures.is_empty(), "{failures:?}");
    }
}
