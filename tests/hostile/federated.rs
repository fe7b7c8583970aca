//! Data that a filter smuggles out, and answers that differ from run to run.

use flip_runtime::Limits;

use super::table::{Attack, CommandLine, Ended, Expected, covered, deed, host, nothing};
use crate::{context, misbehaving, update, values};

pub const ATTACKS: &[Attack] = &[
    deed(
        "54",
        "a filter that adds a tensor",
        r#""add-tensor""#,
        "",
        Expected::NotPermitted(r#"may-change = ["names"]"#),
    ),
    deed(
        "54",
        "a filter that puts another shape in the place of a tensor",
        r#""reshape""#,
        "",
        Expected::NotPermitted(r#"may-change = ["shapes"]"#),
    ),
    nothing(
        "54",
        "a filter that removes or renames a tensor",
        "the contract has no call that does; one of another name is one more, as above",
    ),
    deed(
        "54",
        "a filter that may add a tensor",
        r#""add-tensor""#,
        "",
        Expected::Out(r#"a float32 [2, 2] [0.5, -1.0, 2.0, -4.0], b float32 [2] [0.25, 8.0], extra float32 [4] [0.0, 0.0, 0.0, 0.0], by ["MisbehavingFilter"]"#),
    )
    .granting(r#"may-change = ["names"]"#),
    deed(
        "54",
        "a filter that changes every dtype, last one first",
        r#""replace-backwards""#,
        "",
        Expected::Out(r#"a float64 [2, 2] [0.0, 0.0, 0.0, 0.0], b float64 [2] [0.0, 0.0], by ["MisbehavingFilter"]"#),
    ),
    deed(
        "54",
        "a filter that adds tensors without end",
        r#"{"tiny-tensors": 10000000}"#,
        "host-bytes=4MiB",
        Expected::Failed("limit host-bytes"),
    )
    .granting(r#"may-change = ["names"]"#),
    deed(
        "54",
        "meta properties of a gigabyte",
        r#"{"big-meta": 1100}"#,
        "host-bytes=8MiB",
        Expected::Failed("limit host-bytes"),
    ),
    deed(
        "54",
        "metrics of a gigabyte",
        r#"{"big-values": 1100}"#,
        "host-bytes=8MiB",
        Expected::Failed("limit host-bytes"),
    ),
    deed(
        "54",
        "a filter that writes NaN to every element",
        r#""write-nan""#,
        "",
        // A filter is held to names, shapes and the kind; what the values are is its matter.
        Expected::Out(r#"a float32 [2, 2] [NaN, NaN, NaN, NaN], b float32 [2] [NaN, NaN], by ["MisbehavingFilter"]"#),
    ),
    covered(
        "54",
        "the same, bit by bit",
        "tests/attacks.rs::nan_that_a_filter_writes_goes_out_as_it_was_written",
        CommandLine::Test(
            "cli/tests/hostile_filters.rs::nan_that_a_filter_writes_goes_out_as_it_was_written",
        ),
    ),
    covered(
        "54",
        "a filter in phases that adds meta properties, or tensors, between two of them, as often as it likes",
        "tests/phases.rs::what_a_filter_added_between_phases_was_its_own_no_more",
        CommandLine::Test("cli/tests/hostile_filters.rs::a_filter_in_phases_hoards_no_more_than_any"),
    ),
    covered(
        "54",
        "a filter that adds meta properties to each member of a collection",
        "tests/host_bytes.rs::host_bytes_were_anew_for_each_member_of_a_collection",
        CommandLine::Test("cli/tests/hostile_filters.rs::members_of_a_collection_share_what_is_kept_for_a_filter"),
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
    deed(
        "54",
        "a filter that claims another's work",
        r#""forge-history""#,
        "",
        Expected::Out(r#"a float32 [2, 2] [0.5, -1.0, 2.0, -4.0], b float32 [2] [0.25, 8.0], by ["MisbehavingFilter"]"#),
    ),
    deed(
        "54",
        "a filter that says it did nothing, and zeroed half of the data",
        r#""zero-and-deny""#,
        "",
        Expected::Failed("it says that it changed nothing, and has changed the data"),
    ),
    deed(
        "54",
        "a filter that says it did nothing, and added a meta property",
        r#""tag-and-deny""#,
        "",
        Expected::Failed("it says that it changed nothing, and has changed the data"),
    ),
    covered(
        "54",
        "a filter that says it did nothing, and swapped two tensors or added a meta property",
        "tests/duties.rs::what_a_filter_says_that_it_left_as_it_was_is_as_it_was",
        CommandLine::Test(
            "cli/tests/hostile_filters.rs::what_a_filter_says_that_it_left_as_it_was_is_as_it_was",
        ),
    ),
    covered(
        "54",
        "an output that nobody could read",
        "tests/attacks.rs::a_file_was_committed_that_nobody_can_read",
        CommandLine::Test("cli/tests/hostile_inputs.rs::an_output_that_nobody_could_read_is_not_written"),
    ),
    covered(
        "54",
        "an output whose header is longer than any that is read",
        "tests/attacks.rs::a_header_was_committed_that_nobody_reads_for_its_length",
        CommandLine::Test("cli/tests/hostile_inputs.rs::an_output_that_nobody_could_read_is_not_written"),
    )
    .slow(),
    covered(
        "54",
        "metrics that are NaN, infinite, huge or deep",
        "tests/job_traces.rs::metrics_with_huge_numbers_or_deep_values_do_not_end_the_run",
        CommandLine::Test(
            "cli/tests/hostile_inputs.rs::metrics_with_huge_numbers_or_deep_values_do_not_end_the_run",
        ),
    ),
    covered(
        "54",
        "a filter that fails lets nothing out",
        "tests/duties.rs::a_trap_holds_the_result_back_and_ends_the_instance",
        CommandLine::Test("cli/tests/hostile_filters.rs::a_trap_holds_the_result_back_and_ends_the_instance"),
    ),
    host(
        "56",
        "the same input twice",
        twice,
        CommandLine::Test("cli/tests/hostile_inputs.rs::the_same_update_twice_is_the_same_file"),
        "",
        Expected::Harmless("the same bytes, and as many host calls"),
    ),
];

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
