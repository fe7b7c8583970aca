//! What the calls in an audit trail come to: what was stored, deleted, refused, and told to the hub.

use flip_report::{Component, Deleted, Kind, Place, Report, Stored, Usage};
use indexmap::IndexMap;

use super::{moments, trail};
use crate::audit::{self, CallEntry, Function, Outcome};

/// The most objects, and deletions, of a component that are listed.
const MAX_LISTED: usize = 1_000;

/// The component of this id at a place.
pub(super) fn component<'a>(
    places: &'a mut IndexMap<String, Place>,
    place: &str,
    id: &str,
) -> Option<&'a mut Component> {
    places.get_mut(place)?.components.iter_mut().find(|component| component.id == id)
}

/// What the hub was told.
pub(super) fn told(report: &mut Report, call: &CallEntry) {
    let sent = &mut report.sent;
    let count = match (call.function, call.outcome) {
        (Function::UpdateStatus, Outcome::Ok) => {
            report.statuses.extend(trail::status(&call.touched));
            return;
        }
        (Function::SendMetric, Outcome::Ok) => &mut sent.metrics,
        (Function::SendException, Outcome::Ok) => &mut sent.exceptions,
        // What is not permitted is told among the refusals.
        (Function::SendMetric | Function::SendException, outcome) if outcome != Outcome::NotPermitted => {
            &mut sent.lost
        }
        _ => return,
    };
    *count = count.saturating_add(call.calls);
}

/// Adds calls to what their component used.
pub(super) fn add(usage: &mut Usage, call: &CallEntry) {
    count(usage, call.function, call.calls);
    if call.outcome == Outcome::NotPermitted {
        usage.refusals = usage.refusals.saturating_add(call.calls);
    }
    if let Some(deleted) = call.deleted.filter(|deleted| deleted.files.max(deleted.directories) > 0) {
        if usage.deleted.len() < MAX_LISTED {
            usage.deleted.push(Deleted {
                path: call.touched.clone(),
                files: deleted.files,
                directories: deleted.directories,
                bytes: deleted.bytes,
                before: None,
                after: None,
            });
        } else {
            let besides = &mut usage.deleted_besides;
            besides.count = besides.count.saturating_add(1);
            besides.files = besides.files.saturating_add(deleted.files);
            besides.bytes = besides.bytes.saturating_add(deleted.bytes);
        }
    }
    if matches!((call.function, call.outcome), (Function::Put | Function::PutArchive, Outcome::Ok)) {
        if call.calls == 1 && usage.stored.len() < MAX_LISTED {
            usage.stored.push(Stored {
                key: call.to.as_ref().unwrap_or(&call.touched).clone(),
                size: call.written,
                sha256: call.sha256.map(|digest| digest.to_string()),
                ..Stored::default()
            });
        } else {
            let besides = &mut usage.stored_besides;
            besides.count = besides.count.saturating_add(call.calls);
            besides.bytes = besides.bytes.saturating_add(call.written);
        }
    }
}

/// Adds calls of which only the sum is known.
pub(super) fn add_besides(usage: &mut Usage, besides: &audit::Besides) {
    let audit::Besides { call, deletions, .. } = besides;
    count(usage, call.function, call.calls);
    if call.outcome == Outcome::NotPermitted {
        usage.refusals = usage.refusals.saturating_add(call.calls);
    }
    if let Some(deleted) = call.deleted {
        let known = &mut usage.deleted_besides;
        known.count = known.count.saturating_add(*deletions);
        known.files = known.files.saturating_add(deleted.files);
        known.bytes = known.bytes.saturating_add(deleted.bytes);
    }
    if matches!((call.function, call.outcome), (Function::Put | Function::PutArchive, Outcome::Ok)) {
        let known = &mut usage.stored_besides;
        known.count = known.count.saturating_add(call.calls);
        known.bytes = known.bytes.saturating_add(call.written);
    }
}

fn count(usage: &mut Usage, function: Function, calls: u64) {
    let known = usage.host_calls.entry(function.interface().to_string()).or_default();
    *known = known.saturating_add(calls);
}

/// Whether a call is not carried out on a developer's machine.
pub(super) fn withheld(function: Function) -> bool {
    matches!(moments::kind_of(function, Outcome::Ok), Kind::Deletion | Kind::Upload | Kind::Hub)
}
