//! Calls that end in the middle: aborts, futures that are dropped, and time that is up, at one moment after the other.

use super::table::{Attack, CommandLine, Expected, covered, host, nothing};
use super::{aborts, given_up};

pub const ATTACKS: &[Attack] = &[
    host(
        "50",
        "an abort before, between and after all of its host calls",
        aborts::abort_at_each_call,
        CommandLine::Test(
            "cli/tests/hostile_aborts.rs::a_signal_between_any_two_calls_leaves_nothing_half_done",
        ),
        "",
        Expected::Harmless("nothing half done is left"),
    ),
    covered(
        "50",
        "the future of a call, dropped at each point where it waits for an upload",
        "tests/cut_off.rs::an_upload_that_is_dropped_where_it_waits_leaves_a_whole_archive_or_none",
        CommandLine::Test("cli/tests/hostile_late.rs::an_archive_whose_time_is_up_is_whole_or_not_there"),
    ),
    covered(
        "50",
        "the future of a call, dropped at each point where it waits for the hub",
        "tests/cut_off.rs::a_status_that_is_dropped_where_it_waits_is_sent_once_or_never",
        CommandLine::Test(
            "cli/tests/hostile_late.rs::the_hub_is_told_once_or_never_by_a_call_whose_time_is_up",
        ),
    ),
    covered(
        "50",
        "the future of a call, dropped at each point where it waits for an object to be put",
        "tests/cut_off.rs::an_object_that_is_put_is_whole_or_not_there_wherever_the_call_is_dropped",
        CommandLine::Test("cli/tests/hostile_late.rs::an_object_whose_time_is_up_is_whole_or_not_there"),
    ),
    covered(
        "50",
        "the future of a call, dropped at each point where it waits for an object, or its head",
        "tests/cut_off.rs::reads_that_are_dropped_where_they_wait_change_nothing",
        CommandLine::Test(
            "cli/tests/hostile_late.rs::an_object_that_is_read_by_a_call_whose_time_is_up_is_as_it_was",
        ),
    ),
    covered(
        "50",
        "the future of a call, dropped at each point where it waits for a clock",
        "tests/cut_off.rs::a_wait_that_is_dropped_ends_its_instance",
        CommandLine::Row("a wait of an hour inside the host"),
    ),
    covered(
        "50",
        "the future of a call that makes an instance, dropped at each point where it waits for a clock",
        "tests/cut_off.rs::a_wait_that_is_dropped_while_its_instance_is_made_leaves_none",
        CommandLine::Row("an endless loop while it is configured"),
    ),
    host(
        "50",
        "a call whose time is up at one moment after the other while it waits for an upload",
        given_up::archived,
        CommandLine::Test("cli/tests/hostile_late.rs::an_archive_whose_time_is_up_is_whole_or_not_there"),
        "",
        Expected::Harmless("a whole archive is left, or none"),
    ),
    host(
        "50",
        "a call whose time is up at one moment after the other while it waits for the hub",
        given_up::told,
        CommandLine::Test(
            "cli/tests/hostile_late.rs::the_hub_is_told_once_or_never_by_a_call_whose_time_is_up",
        ),
        "",
        Expected::Harmless("the hub is told once, or never"),
    ),
    host(
        "50",
        "a call whose time is up at one moment after the other while it waits for an object to be put",
        given_up::put,
        CommandLine::Test("cli/tests/hostile_late.rs::an_object_whose_time_is_up_is_whole_or_not_there"),
        "",
        Expected::Harmless("the object is whole, or not there"),
    ),
    host(
        "50",
        "a call whose time is up at one moment after the other while it waits for an object, or its head",
        given_up::read,
        CommandLine::Test(
            "cli/tests/hostile_late.rs::an_object_that_is_read_by_a_call_whose_time_is_up_is_as_it_was",
        ),
        "",
        Expected::Harmless("nothing has changed"),
    ),
    nothing(
        "50",
        "a trap in the middle of an upload",
        "an upload is one call of the host: while it is under way nothing of the component runs",
    ),
    covered(
        "50",
        "a call whose time is up in the middle of an upload",
        "tests/job_upload_failures.rs::a_server_that_stalls_amid_the_parts_costs_no_result_either",
        CommandLine::Test(
            "cli/tests/hostile_failures.rs::a_server_that_stalls_amid_the_parts_costs_no_result",
        ),
    )
    .slow(),
    covered(
        "50",
        "an abort in the middle of an upload",
        "tests/object_store_failures.rs::a_call_that_ends_leaves_nothing",
        CommandLine::Test("cli/tests/hostile_aborts.rs::a_signal_in_the_middle_of_an_upload_ends_it"),
    )
    .slow(),
    covered(
        "50",
        "an abort in the middle of deleting a tree",
        "tests/cleanup.rs::an_abort_ends_clearing_between_two_entries",
        CommandLine::Test("cli/tests/hostile_aborts.rs::a_signal_in_the_middle_of_deleting_a_tree_ends_it"),
    ),
    covered(
        "50",
        "an abort while it loops without end",
        "tests/attacks.rs::a_loop_went_on_after_the_run_was_aborted",
        CommandLine::Test("cli/tests/hostile_aborts.rs::programs_that_loop_without_end_beside_a_benign_one"),
    ),
    covered(
        "50",
        "an abort while others are configured that share its work, and never return from that",
        "tests/phases.rs::an_abort_was_not_seen_while_those_were_made_that_share_the_work",
        CommandLine::Test("cli/tests/hostile_aborts.rs::a_signal_ends_those_that_are_made_to_share_the_work"),
    ),
];
