//! What a job's audit trail says of its data.

use std::sync::Arc;

use super::filters::Passed;
use super::slot::Slot;
use super::trace::What;
use crate::audit::{AuditTrail, DataEntry};
use crate::error::Error;

/// Notes the data that comes to the components of a place, before any of them has it.
pub(super) fn comes_in(trail: &AuditTrail, at: &str, what: &What) -> Result<(), Error> {
    let note = |task: &str, dxo| trail.comes_in(at, task, dxo);
    match what {
        What::Event { event_type, shareables, .. } => {
            let carried = shareables.values().filter_map(|shareable| shareable.dxo.as_ref());
            carried.into_iter().try_for_each(|dxo| note(event_type, Some(dxo)))
        }
        What::Task { task, data: carrier } | What::Result { task, result: carrier } => {
            note(task, carrier.dxo.as_ref())
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
        None => DataEntry::of(at, task, passed.data.dxo.as_ref())?,
    };
    entry.by = passed.held_back.as_ref().map(|failure| crate::audit::text(&failure.what));
    entry.filters = passed.filters.keys().map(|id| crate::audit::text(id)).collect();
    if passed.held_back.is_none() {
        let failed = filters.iter().filter(|slot| !passed.filters.contains_key(&*slot.id));
        entry.unfiltered = failed.map(|slot| crate::audit::text(&slot.id)).collect();
    }
    trail.data_out(entry)
}
