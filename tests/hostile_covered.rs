//! The tests of whole paths that are attacks of the table as well, by the names that it has for them.

macro_rules! covered {
    ($($file:ident: $($test:ident)*;)*) => {
        &[$($((concat!("tests/", stringify!($file), ".rs::", stringify!($test)), crate::$file::$test as fn()),)*)*]
    };
}

const TESTS: &[(&str, fn())] = covered! {
    archive_changes:
        a_file_that_becomes_a_link_is_not_followed;
    attacks:
        a_file_was_committed_that_nobody_can_read
        a_header_was_committed_that_nobody_reads_for_its_length
        a_loop_went_on_after_the_run_was_aborted
        nan_that_a_filter_writes_goes_out_as_it_was_written;
    audit_hostile:
        a_call_whose_time_is_up_is_noted_as_given_up
        a_flood_of_calls_is_noted_whole_or_ends_at_the_limit;
    cleanup:
        an_abort_ends_clearing_between_two_entries;
    compiling:
        a_million_functions_end_their_process
        compilations_that_were_given_up_do_not_pile_up
        tables_of_jumps_end_their_process
        types_that_grow_end_the_process_that_reads_them
        what_takes_too_long_to_compile_ends_its_process
        what_takes_too_much_memory_to_compile_ends_its_process;
    cut_off:
        a_status_that_is_dropped_where_it_waits_is_sent_once_or_never
        a_wait_that_is_dropped_ends_its_instance
        a_wait_that_is_dropped_while_its_instance_is_made_leaves_none
        an_object_that_is_put_is_whole_or_not_there_wherever_the_call_is_dropped
        an_upload_that_is_dropped_where_it_waits_leaves_a_whole_archive_or_none
        reads_that_are_dropped_where_they_wait_change_nothing;
    duties:
        a_trap_holds_the_result_back_and_ends_the_instance
        what_a_filter_says_that_it_left_as_it_was_is_as_it_was;
    events:
        a_trap_loses_no_event_that_waits_for_the_others
        an_event_that_its_own_handler_fires_ends_at_the_limit;
    faults:
        a_hub_and_a_store_that_fail_at_any_one_call_of_a_job_cost_it_no_result
        whatever_the_persistor_calls_may_fail_and_it_is_told;
    grants:
        a_refusal_does_not_tell_whether_something_is_there
        each_refusal_says_the_line_that_allows_the_call;
    hanging_disks:
        a_directory_that_hangs_held_the_call_for_as_long_as_it_liked;
    host_bytes:
        host_bytes_were_anew_for_each_member_of_a_collection;
    hub:
        the_key_is_shown_nowhere_even_where_the_hub_echoes_it;
    job_config:
        a_digest_that_is_another_is_named_with_who_asks_for_it
        hostile_json_is_an_error_and_no_crash;
    job_paths:
        a_component_outside_of_the_jobs_folder_is_not_looked_at
        a_folder_of_models_outside_of_the_apps_is_refused;
    job_traces:
        hostile_json_is_an_error_that_names_the_line
        metrics_with_huge_numbers_or_deep_values_do_not_end_the_run;
    job_upload_failures:
        a_server_that_stalls_amid_the_parts_costs_no_result_either;
    limits:
        gauges_beyond_the_limit_are_dropped;
    links:
        a_link_out_leads_nowhere;
    object_store_failures:
        a_call_that_ends_leaves_nothing
        a_server_that_fails_leaves_nothing
        a_wrong_key_is_refused_without_showing_it;
    peers:
        a_caller_with_the_last_of_its_time_ended_its_peer
        a_component_that_is_on_the_call_stack_is_unavailable_and_no_hang
        a_peer_that_traps_is_unavailable_from_then_on;
    phases:
        an_abort_was_not_seen_while_those_were_made_that_share_the_work
        what_a_filter_added_between_phases_was_its_own_no_more;
    safetensors:
        a_file_cut_off_anywhere_is_refused;
    storage:
        a_device_is_no_file_and_is_never_read
        a_path_that_could_lead_out_is_refused_by_every_function
        what_is_no_regular_file_is_refused_and_never_waited_for;
    tensors:
        reads_beyond_the_end_and_of_nothing_come_back_empty
        writes_past_the_end_are_told_and_write_nothing;
};

/// The test of this name.
pub fn test(name: &str) -> Option<fn()> {
    TESTS.iter().find(|(known, _)| *known == name).map(|(_, test)| *test)
}

/// Those that the table has no row for.
pub fn unused(used: &[&str]) -> Vec<&'static str> {
    TESTS.iter().map(|(name, _)| *name).filter(|name| !used.contains(name)).collect()
}
