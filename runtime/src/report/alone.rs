//! A component that ran by itself, again and again, as a test has it.

use flip_report as report;

use super::{component, limits, of_trail};
use crate::audit::{AuditTrail, Auditor, RunKind, Start};
use crate::component::Component;
use crate::error::Error;
use crate::limits::Limits;
use crate::policy::Grants;
use crate::usage::{Besides, Usage};

/// The most that is listed of what was stored, and of what was deleted; the rest is counted.
const MAX_LISTED: usize = 1_000;

/// What a component is, asks for and gets, and what its instances used: in all, and of each limit the most that one of
/// them did, since each has the limits for itself.
///
/// # Errors
///
/// [`Error::Audit`] where what is granted cannot be written down.
pub fn of_component(
    ran: &Component,
    grants: &Grants,
    limits: &Limits,
    usages: &[Usage],
) -> Result<report::Component, Error> {
    // What a trail says of a component is what a report of one begins with.
    let trail = AuditTrail::to(std::io::sink(), Start::new(RunKind::Program))?.keeping();
    Auditor::start(&trail, "", ran.name(), ran, false, grants, limits)?;
    let mut places = of_trail(&trail.kept()).places;
    let known = places.pop().and_then(|mut place| place.components.pop());
    let mut shown = known.unwrap_or_default();
    component::describe(&mut shown, ran.inspection(), grants, &in_all(usages));
    let size = ran.inspection().size;
    limits::add_use(&mut shown.limits, &Usage::default(), size);
    for usage in usages {
        let mut one = shown.limits.clone();
        limits::add_use(&mut one, usage, size);
        for (most, one) in shown.limits.iter_mut().zip(one) {
            most.used = match (most.used, one.used) {
                (Some(most), Some(one)) => Some(most.max(one)),
                (most, one) => most.or(one),
            };
        }
    }
    Ok(shown)
}

fn in_all(usages: &[Usage]) -> Usage {
    let mut all = usages.iter().fold(Usage::default(), |all, one| {
        let (read, written) = (all.bytes_read + one.bytes_read, all.bytes_written + one.bytes_written);
        Usage { bytes_read: read, bytes_written: written, ..all.with(one) }
    });
    let sum = |one: Besides, other: Besides| Besides {
        count: one.count.saturating_add(other.count),
        files: one.files.saturating_add(other.files),
        bytes: one.bytes.saturating_add(other.bytes),
    };
    for one in usages {
        all.stored_besides = sum(all.stored_besides, one.stored_besides);
        all.deleted_besides = sum(all.deleted_besides, one.deleted_besides);
        for stored in &one.stored {
            match all.stored.len() < MAX_LISTED {
                true => all.stored.push(stored.clone()),
                false => all.stored_besides.add(0, stored.size),
            }
        }
        for deleted in &one.deleted {
            match all.deleted.len() < MAX_LISTED {
                true => all.deleted.push(deleted.clone()),
                false => all.deleted_besides.add(deleted.files, deleted.bytes),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::Policy;
    use crate::runtime::Runtime;

    #[test]
    fn use_is_summed_and_that_of_limits_is_the_most_of_one_instance() {
        let runtime = Runtime::new().unwrap();
        let ran = runtime.load("percentile-privacy").unwrap();
        let policy: Policy =
            "[components.PercentilePrivacy]\ndirectories = { job = \"read\" }".parse().unwrap();
        let grants = policy.grants(&["PercentilePrivacy"]).unwrap();
        let used = |seconds, memory| Usage {
            calls: 2,
            time: Duration::from_secs(seconds),
            peak_memory: memory,
            bytes_read: 10,
            ..Usage::default()
        };
        let shown =
            of_component(&ran, grants, &Limits::default(), &[used(3, 5), used(1, 7), used(2, 1)]).unwrap();
        assert_eq!((shown.name.as_str(), shown.built_in), ("PercentilePrivacy", true));
        assert_eq!(shown.sha256.unwrap(), ran.inspection().sha256.to_string());
        assert_eq!((shown.usage.calls, shown.usage.seconds, shown.usage.bytes_read), (6, 6.0, 30));
        let most = |name: &str| shown.limits.iter().find(|limit| limit.name == name).unwrap().used;
        assert_eq!((most("total-time"), most("memory")), (Some(3.0), Some(7.0)));
        assert!(!shown.requested.is_empty());
        // It did not ask for directories.
        assert_eq!(shown.unasked, ["directories = { job = \"read\" }"]);
    }
}
