//! A filter that says a million times which data it filters.

use flip_runtime::{DataKind, Dxo, Leaf, Limits, Outcome};

use super::guest::filter;
use super::table::{Ended, tensors};
use crate::{context, runtime, update};

/// A million times the first of them.
const KINDS: &str = "(drop (memory.grow (i32.const 16)))
    (i32.store (i32.const 0) (i32.const 262144)) (i32.store (i32.const 4) (i32.const 1000000))";

/// Why it is not shown an update, which is of another kind.
pub const PASSED_BY: &str = "its kind is WEIGHT_DIFF, the filter is for FL_MODEL";

/// A filter that names the same kind a million times.
pub fn a_million_kinds() -> Vec<u8> {
    wat::parse_str(filter([("kinds", KINDS)])).unwrap()
}

pub(super) fn counts_each_once(limits: Limits) -> Ended {
    let component = runtime().load_bytes("hostile", &a_million_kinds())?;
    let mut filter = component.instance().limits(limits).build()?;
    assert_eq!(filter.data_kinds(), [DataKind::FlModel]);
    let filtered = filter.filter(update(), &context())?;
    assert_eq!(tensors(&filtered.dxo), tensors(&update()));
    match &filtered.leaves[..] {
        [Leaf { outcome: Outcome::PassedBy(reason), .. }] if reason == PASSED_BY => Ok(reason.clone()),
        leaves => panic!("{leaves:?}"),
    }
}

pub(super) fn passes_many_by(limits: Limits) -> Ended {
    let component = runtime().load_bytes("hostile", &a_million_kinds())?;
    let mut filter = component.instance().limits(limits).build()?;
    let members = (0..300).map(|member| (format!("member-{member}"), update()));
    let filtered = filter.filter(Dxo::of_members(members), &context())?;
    let once = |leaf: &Leaf| matches!(&leaf.outcome, Outcome::PassedBy(reason) if reason == PASSED_BY);
    assert!(filtered.leaves.len() == 300 && filtered.leaves.iter().all(once));
    Ok("all were passed by".to_owned())
}
