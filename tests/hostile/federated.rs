//! Data that a filter smuggles out, and answers that differ from run to run.

use flip_runtime::{Limits, Outcome};

use super::table::{Attack, Ended, Expected, deed, elsewhere, host};
use crate::{assert_same, context, misbehaving, misbehaving_within, update, values};

pub const ATTACKS: &[Attack] = &[
    host(
        "54",
        "a filter that adds a tensor",
        |limits| smuggled(r#""add-tensor""#, limits),
        "",
        Expected::Harmless(
            "goes out: within host-bytes a filter may add tensors. The report names what left",
        ),
    ),
    host(
        "54",
        "a filter that changes every dtype and the order",
        |limits| smuggled(r#""replace-backwards""#, limits),
        "",
        Expected::Harmless("goes out: a filter may widen a dtype, as NumPy does; names keep their order"),
    ),
    deed(
        "54",
        "a filter that adds tensors without end",
        r#"{"tiny-tensors": 10000000}"#,
        "host-bytes=4MiB",
        Expected::Failed("limit host-bytes"),
    ),
    deed(
        "54",
        "meta properties of a gigabyte",
        r#"{"big-meta": 1100}"#,
        "host-bytes=8MiB",
        Expected::Failed("limit host-bytes"),
    ),
    deed(
        "54",
        "text that is hidden in nested collections",
        r#"{"hoard-text": 1000}"#,
        "host-bytes=8MiB",
        Expected::Failed("limit host-bytes"),
    ),
    deed(
        "54",
        "data that is shared so that nobody is charged for it",
        r#"{"escape-charge": [1000000, 100]}"#,
        "host-bytes=16MiB",
        Expected::Failed("limit host-bytes"),
    ),
    host(
        "54",
        "a filter that claims another's work",
        forged_history,
        "",
        Expected::Harmless("the history is the host's"),
    ),
    host(
        "54",
        "a filter that says it did nothing, and zeroed half of the data",
        half_zeroed,
        "",
        Expected::Trap("unreachable"),
    ),
    elsewhere(
        "54",
        "an output that nobody could read",
        "tests/attacks.rs::a_file_was_committed_that_nobody_can_read",
    ),
    elsewhere(
        "54",
        "metrics that are NaN, infinite, huge or deep",
        "tests/job_traces.rs::metrics_with_huge_numbers_or_deep_values_do_not_end_the_run",
    ),
    elsewhere(
        "54",
        "a filter that fails lets nothing out",
        "tests/duties.rs::a_trap_holds_the_result_back_and_ends_the_instance",
    ),
    host(
        "56",
        "the same input twice",
        twice,
        "",
        Expected::Harmless("the same bytes, and as many host calls"),
    ),
];

/// The names and types of what went out.
fn smuggled(deed: &str, limits: Limits) -> Ended {
    let filtered = misbehaving_within(deed, limits).filter(update(), &context())?;
    let tensors = filtered.dxo.tensors().unwrap();
    assert!(tensors.len() <= 3);
    Ok(tensors
        .iter()
        .map(|(name, tensor)| format!("{name} {:?} {:?}; ", tensor.dtype(), tensor.shape()))
        .collect())
}

fn forged_history(limits: Limits) -> Ended {
    let filtered = misbehaving_within(r#""forge-history""#, limits).filter(update(), &context())?;
    assert_eq!(filtered.dxo.meta["filter_history"].text(), r#"["MisbehavingFilter"]"#);
    assert_eq!(filtered.leaves[0].outcome, Outcome::Filtered);
    Ok("its own name".to_owned())
}

/// What it was given is not touched: a clone made before keeps every bit.
fn half_zeroed(limits: Limits) -> Ended {
    let (given, kept) = (update(), update());
    let clone = given.clone();
    let ended = misbehaving_within(r#""zero-then-panic""#, limits).filter(given, &context());
    assert_same(&clone, &kept);
    ended.map(|_| "it went out".to_owned())
}

fn twice(_: Limits) -> Ended {
    let run = || {
        let mut filter = misbehaving(r#""zero-half""#);
        let filtered = filter.filter(update(), &context()).unwrap();
        let usage = filter.usage();
        let tensors = filtered.dxo.tensors().unwrap();
        let all: Vec<_> = tensors.values().flat_map(values).map(f32::to_bits).collect();
        (all, format!("{:?}", usage.host_calls), usage.peak_memory)
    };
    assert_eq!(run(), run());
    Ok("the same".to_owned())
}
