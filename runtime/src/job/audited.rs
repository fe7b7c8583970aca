//! What a job's audit trail says of its data.

use std::sync::Arc;

use super::filters::Passed;
use super::place::Place;
use super::slot::Slot;
use super::trace::What;
use crate::audit::{AuditTrail, DataEntry};
use crate::error::Error;

/// Notes the data that comes to the components of a place, before any of them has it.
pub(super) fn comes_in(trail: &AuditTrail, at: &str, place: &Place, what: &What) -> Result<(), Error> {
    match what {
        What::Event { event_type, .. } if !place.handles(event_type) => Ok(()),
        What::Event { event_type, props, shareables } => {
            trail.event_comes_in(at, event_type, props, shareables)
        }
        What::Task { task, data: carrier } | What::Result { task, result: carrier } => {
            trail.comes_in(at, task, carrier)
        }
    }
}

/// Notes what leaves a place, before it does, or why it does not.
pub(super) fn goes_out(
    trail: &AuditTrail,
    at: &str,
    task: &str,
    filters: &[Arc<Slot>],
    passed: &Passed,
) -> Result<(), Error> {
    let mut entry = match &passed.held_back {
        Some(failure) => DataEntry::refused(at, task, failure.code),
        None => DataEntry::of(at, task, &passed.data)?,
    };
    entry.by = passed.held_back.as_ref().map(|failure| crate::audit::text(&failure.what));
    entry.filters = passed.filters.keys().map(|id| crate::audit::text(id)).collect();
    if passed.held_back.is_none() {
        let failed = filters.iter().filter(|slot| !passed.filters.contains_key(&*slot.id));
        entry.unfiltered = failed.map(|slot| crate::audit::text(&slot.id)).collect();
    }
    trail.data_out(entry)
}
