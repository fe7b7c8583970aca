//! The interface `events`: NVFLARE's events within a job.

use std::sync::Arc;

use wasmtime::component::HasData;

use super::Failure;
use super::call::{CallCtx, Quota, caught};
use super::grants::GrantsCtx;
use super::log::{LogCtx, one_line};
use crate::services::Events;

/// NVFLARE's event of a system panic; granting it grants the panic.
pub(crate) const FATAL_SYSTEM_ERROR: &str = "_fatal_system_error";

/// The longest event type, in bytes.
const MAX_EVENT_TYPE: usize = 256;
/// The longest reason of a system panic, in bytes.
const MAX_REASON: usize = 2_000;

pub(crate) struct HasEvents;

impl HasData for HasEvents {
    type Data<'a> = EventsView<'a>;
}

pub(crate) struct EventsView<'a> {
    pub(crate) left: &'a mut Quota,
    pub(crate) call: &'a CallCtx,
    pub(crate) grants: &'a GrantsCtx,
    pub(crate) events: Option<&'a Arc<dyn Events>>,
    pub(crate) log: &'a mut LogCtx,
}

impl EventsView<'_> {
    pub(crate) fn fire(&mut self, event_type: String) -> Result<(), Failure> {
        self.call.check()?;
        check_event_type(&event_type)?;
        self.grants.firing(&event_type)?;
        self.left.take(1)?;
        if let Some(events) = self.events {
            let fire = || events.fire(&event_type, self.call.caller());
            let fired = self.call.aside(|| caught(fire));
            fired.map_err(|error| self.call.service_failure(error))?;
        }
        // Those who handle it may have taken what was left of the time.
        self.call.check()
    }

    /// The component is not told where it is refused; the operator is, as often as it may log lines.
    pub(crate) fn system_panic(&mut self, reason: &str) -> Result<(), Failure> {
        self.call.check()?;
        let reason = one_line(reason, MAX_REASON);
        self.left.take(1)?;
        let allowed = self.grants.firing(FATAL_SYSTEM_ERROR);
        let panics = |events: &Arc<dyn Events>| {
            let panics = || events.system_panic(&reason, self.call.caller());
            self.call.aside(|| caught(panics)).is_ok()
        };
        match (&allowed, self.events) {
            (Ok(()), Some(events)) if panics(events) => {}
            (Ok(()), _) => tracing::error!(component = &*self.call.id, "system panic: {reason}"),
            (Err(refused), _) if self.log.takes_a_line() => {
                tracing::error!(component = &*self.call.id, "system panic refused, {refused}: {reason}");
            }
            (Err(_), _) => {}
        }
        allowed
    }
}

/// Event types are kept and logged: none is long.
pub(super) fn check_event_type(event_type: &str) -> Result<(), Failure> {
    match event_type.len() > MAX_EVENT_TYPE {
        true => {
            Err(Failure::invalid_argument(format!("the event type is longer than {MAX_EVENT_TYPE} bytes")))
        }
        false => Ok(()),
    }
}
