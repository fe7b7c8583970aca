//! Until when a call may go on, and on whose behalf it is made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::FlContext;
use crate::exchange::Dxo;
use crate::host::call::Deadline;
use crate::limits::{Allowed, LimitReached, Limits};

/// On whose behalf a call is made.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope<'a> {
    /// The context of the call, with its abort signal.
    pub(crate) context: Option<&'a Arc<FlContext>>,
    /// When the time of the whole is up that this call is a part of.
    pub(crate) not_after: Option<Instant>,
    /// Whether the data that it is made with lies in files.
    pub(crate) has_files: bool,
}

impl<'a> Scope<'a> {
    /// A call of the host's own, or one that another component waits for: in its own time, so that whoever calls with
    /// the last of its time does not end others.
    pub(crate) fn of(context: &'a Arc<FlContext>) -> Self {
        Self { context: Some(context), ..Self::default() }
    }

    /// The same call, made with this data as well.
    pub(crate) fn and<'d>(self, dxo: impl IntoIterator<Item = &'d Dxo>) -> Self {
        Self { has_files: self.has_files || dxo.into_iter().any(Dxo::has_files), ..self }
    }

    /// Whether the host may have to wait for a disk where the component reads the call's data.
    pub(crate) fn uses_disks(&self) -> bool {
        let shareables = self.context.into_iter().flat_map(|context| context.shareables.values());
        self.has_files || shareables.filter_map(|shareable| shareable.dxo.as_ref()).any(Dxo::has_files)
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.context.is_some_and(|context| context.abort.is_triggered())
    }

    pub(crate) fn is_late(&self) -> bool {
        self.not_after.is_some_and(|at| Instant::now() >= at)
    }
}

/// When a call that starts now ends at the latest.
pub(super) fn deadline(
    started: Instant,
    limits: &Limits,
    spent: Duration,
    not_after: Option<Instant>,
) -> Deadline {
    let left = limits.total_time.saturating_sub(spent);
    let (time, limit, allowed) = match left < limits.call_time {
        true => (left, "total-time", limits.total_time),
        false => (limits.call_time, "call-time", limits.call_time),
    };
    // A limit so long that it cannot be added is one of a century.
    let at = started.checked_add(time).unwrap_or(started + Duration::from_secs(3_153_600_000));
    Deadline {
        at: not_after.map_or(at, |not_after| at.min(not_after)),
        reached: LimitReached { limit, allowed: Allowed::Time(allowed) },
    }
}
