//! Archives, model files and JSON that lie about themselves.

use flip_runtime::{Json, Limits};
use serde_json::json;

use super::errands::Errands;
use super::guest::process;
use super::table::{Attack, CommandLine, Ended, Expected, elsewhere, errands, given, guest, host, nothing};
use crate::{EVERYTHING, percentile_privacy, safetensors_bytes};

pub const ATTACKS: &[Attack] = &[
    nothing(
        "34",
        "tar and zip archives with ../, links, devices",
        "the host writes archives and unpacks none; a checkpoint's zip is read by a component, as data",
    ),
    elsewhere(
        "34",
        "a checkpoint's zip whose entries overlap, lie elsewhere or occur twice",
        "components/checkpoint/tests/zips.rs::entries_that_overlap_or_lie_elsewhere",
    ),
    elsewhere(
        "34",
        "a link in a folder that is zipped",
        "tests/object_store_interface.rs::what_links_in_an_archive_point_to_is_not_uploaded",
    ),
    elsewhere(
        "35",
        "a checkpoint that expands without end",
        "components/checkpoint/tests/pickles.rs::shared_tuples_that_double_again_and_again",
    ),
    elsewhere(
        "35",
        "a checkpoint with compressed entries",
        "components/checkpoint/tests/zips.rs::entries_that_are_not_stored",
    ),
    errands(
        "35",
        "an archive larger than it may upload",
        archive_too_large,
        "upload-bytes=1000",
        Expected::Told("quota exceeded: "),
    ),
    given("36", "a safetensors header of 2^63 bytes", header_of_2_to_the_63, Expected::NotLoaded("header")),
    given(
        "36",
        "a safetensors shape of 2^64 elements",
        shape_that_overflows,
        Expected::NotLoaded("no tensor can have its shape"),
    ),
    given(
        "37",
        "meta properties of an update that nest a hundred thousand deep",
        deep_meta,
        Expected::NotLoaded("recursion limit exceeded"),
    ),
    elsewhere(
        "36",
        "tensors that overlap or leave gaps",
        "tests/safetensors.rs::tensors_that_overlap_leave_gaps_or_do_not_end_with_the_file_are_refused",
    ),
    elsewhere(
        "36",
        "names that occur twice",
        "tests/safetensors.rs::a_header_that_says_two_things_is_refused",
    ),
    elsewhere("36", "files cut off anywhere", "tests/safetensors.rs::a_file_cut_off_anywhere_is_refused"),
    nothing("37", "DICOM and NIfTI files that lie", "the host reads neither"),
    host(
        "37",
        "args that nest a hundred thousand deep",
        deep_args,
        CommandLine::Test("cli/tests/hostile_inputs.rs::args_that_nest_too_deep_are_refused"),
        "",
        Expected::NotLoaded("args: percentile: invalid type"),
    ),
    host(
        "37",
        "metrics that nest a hundred thousand deep",
        deep_values,
        CommandLine::Test("cli/tests/hostile_inputs.rs::metrics_that_nest_too_deep_end_the_run_in_order"),
        "",
        Expected::Told("recursion limit exceeded"),
    ),
    guest(
        "37",
        "a meta property of a million brackets",
        brackets,
        "",
        Expected::Harmless("it is told that this is no JSON"),
    ),
    elsewhere(
        "37",
        "deep JSON in a job's configuration",
        "tests/job_config.rs::hostile_json_is_an_error_and_no_crash",
    ),
    elsewhere(
        "37",
        "deep JSON in a trace",
        "tests/job_traces.rs::hostile_json_is_an_error_that_names_the_line",
    ),
];

/// Of what does not shrink.
fn archive_too_large() -> Errands {
    let noise: Vec<u8> = (0..5_000_u32).map(|x| (x.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    Errands::granting(EVERYTHING)
        .file("job/a", noise)
        .told("quota exceeded: ", [json!({"put-archive": ["key", "job", ""]})])
        .told("not found: ", [json!({"head": "key"})])
}

fn header_of_2_to_the_63() -> Vec<u8> {
    [&(1_u64 << 63).to_le_bytes()[..], b"{}"].concat()
}

fn shape_that_overflows() -> Vec<u8> {
    let header = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#;
    safetensors_bytes(header, &[])
}

fn deep_meta() -> Vec<u8> {
    let meta = format!(r#"{{"a": {}}}"#, deep());
    safetensors_bytes(&json!({"__metadata__": {"flip.meta": meta}}).to_string(), &[])
}

/// Lists within lists: whoever reads them recursively overflows its stack.
fn deep() -> String {
    format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))
}

fn deep_args(limits: Limits) -> Ended {
    let args = format!(r#"{{"percentile": {}}}"#, deep());
    let built = percentile_privacy().instance().args(args).limits(limits).build();
    built.map(|_| "it was configured".to_owned())
}

fn deep_values(_: Limits) -> Ended {
    match Json::parse(deep()) {
        Ok(_) => Ok("it was parsed".to_owned()),
        Err(error) => Ok(error.to_string()),
    }
}

fn brackets() -> String {
    process(
        "(drop (memory.grow (i32.const 16)))
        (memory.fill (i32.const 4096) (i32.const 0x5b) (i32.const 1000000))
        (call $set-meta (local.get $dxo) (i32.const 0) (i32.const 0) (i32.const 4096) (i32.const 1000000) (i32.const 64))
        (if (i32.eqz (i32.load8_u (i32.const 64))) (then unreachable))",
    )
}
