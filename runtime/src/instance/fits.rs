//! Whether a component may be made at all, within its limits.

use crate::budget::Budget;
use crate::inspect::Inspection;
use crate::limits::{Allowed, LimitReached, Limits};

/// A resource of a component's own, in bytes: an entry of wasmtime's table of them, which doubles as it grows.
const OWN_RESOURCE: u64 = 64;

/// How many handles more there are than those of the limit: those that are lent for a call.
pub(super) const LENT: usize = 64;

/// Holds a component's size, and what it is made of, against its limits, before anything of it is made.
pub(super) fn fits(inspection: &Inspection, limits: &Limits, budget: &Budget) -> Result<(), LimitReached> {
    if inspection.size > limits.component_size {
        return Err(LimitReached { limit: "component-size", allowed: Allowed::Bytes(limits.component_size) });
    }
    if inspection.core_instances > limits.instances {
        return Err(LimitReached { limit: "instances", allowed: Allowed::Count(limits.instances) });
    }
    budget.grow(inspection.instance_bytes)?;
    // wasmtime says of none of them when it is made.
    match inspection.own_resources {
        true => budget.grow(limits.handles.saturating_mul(OWN_RESOURCE)),
        false => Ok(()),
    }
}
