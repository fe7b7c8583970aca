//! Archives, model files and JSON that lie about themselves.

use flip_runtime::{Json, Limits};
use serde_json::json;

use super::checkpoints;
use super::errands::Errands;
use super::guest::process;
use super::table::{
    Attack, CommandLine, Ended, Expected, covered, errands, given, guest, host, nothing, opened,
};
use crate::{EVERYTHING, percentile_privacy, safetensors_bytes};

pub const ATTACKS: &[Attack] = &[
    nothing(
        "34",
        "tar and zip archives with ../, links, devices",
        "the host writes archives and unpacks none; a checkpoint's zip is read by a component, as data",
    ),
    host(
        "34",
        "a checkpoint's zip with entries that overlap",
        |_| checkpoints::located("overlap"),
        CommandLine::Test("cli/tests/hostile_inputs.rs::checkpoints_that_lie_are_refused"),
        "",
        Expected::Failed("it overlaps another entry"),
    ),
    host(
        "34",
        "a checkpoint's zip with an entry that lies elsewhere",
        |_| checkpoints::located("elsewhere"),
        CommandLine::Test("cli/tests/hostile_inputs.rs::checkpoints_that_lie_are_refused"),
        "",
        Expected::Failed("it does not lie before the directory"),
    ),
    host(
        "34",
        "a checkpoint's zip with two entries of one name",
        |_| checkpoints::located("twice"),
        CommandLine::Test("cli/tests/hostile_inputs.rs::checkpoints_that_lie_are_refused"),
        "",
        Expected::Failed("occurs more than once"),
    ),
    errands(
        "34",
        "a link in a folder that is zipped",
        linked_archive,
        "",
        Expected::Told("ok one of 171 bytes"),
    ),
    host(
        "35",
        "a checkpoint that expands without end",
        |_| checkpoints::located("endless"),
        CommandLine::Test("cli/tests/hostile_inputs.rs::checkpoints_that_lie_are_refused"),
        "",
        Expected::Failed("too many values"),
    ),
    host(
        "35",
        "a checkpoint with compressed entries",
        |_| checkpoints::located("compressed"),
        CommandLine::Test("cli/tests/hostile_inputs.rs::checkpoints_that_lie_are_refused"),
        "",
        Expected::Failed("is compressed (method 8)"),
    ),
    errands(
        "35",
        "an archive larger than it may upload",
        archive_too_large,
        "upload-bytes=1000",
        Expected::Told("quota exceeded: "),
    ),
    errands(
        "35",
        "an archive that there is no memory to make",
        archive_without_memory,
        "memory=8MiB",
        Expected::Told("quota exceeded: limit memory"),
    ),
    errands(
        "35",
        "an archive of directories that lie deeper than it may hold",
        archive_too_deep,
        "archive-depth=8",
        Expected::Told("quota exceeded: limit archive-depth"),
    ),
    given("36", "a safetensors header of 2^63 bytes", header_of_2_to_the_63, Expected::NotLoaded("header")),
    given(
        "36",
        "a safetensors header a byte longer than any that is read",
        || [&100_000_001_u64.to_le_bytes()[..], b"{}"].concat(),
        Expected::NotLoaded("where the format allows 100000000"),
    ),
    given(
        "36",
        "a tensor of another dtype than its bytes have room for",
        || one_tensor("F64"),
        Expected::NotLoaded("are not the 32 bytes of its shape"),
    ),
    given(
        "36",
        "a tensor of a dtype that there is not",
        || one_tensor("X9"),
        Expected::NotLoaded("its header is invalid"),
    ),
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
    given(
        "36",
        "tensors that overlap",
        || two_tensors("a", "[0,4]", "b", "[2,6]", 6),
        Expected::NotLoaded("overlaps another"),
    ),
    given(
        "36",
        "tensors that leave a gap",
        || two_tensors("a", "[0,4]", "b", "[5,9]", 9),
        Expected::NotLoaded("leaves a gap"),
    ),
    given(
        "36",
        "bytes behind the last tensor",
        || two_tensors("a", "[0,4]", "b", "[4,8]", 9),
        Expected::NotLoaded("bytes follow the last tensor"),
    ),
    given(
        "36",
        "an update whose file is cut off",
        || two_tensors("a", "[0,4]", "b", "[4,8]", 7),
        Expected::NotLoaded("truncated"),
    ),
    given(
        "36",
        "two tensors of one name",
        || two_tensors("a", "[0,4]", "a", "[4,8]", 8),
        Expected::NotLoaded("tensor \"a\" comes twice"),
    ),
    host(
        "36",
        "an update of elements that are NaN, infinite and below all normal numbers",
        no_numbers,
        CommandLine::Test(
            "cli/tests/hostile_filters.rs::what_is_no_number_in_an_update_goes_through_as_it_is",
        ),
        "",
        Expected::Out("a float32 [4] [NaN, inf, -inf, 1e-45], by nobody"),
    ),
    given(
        "36",
        "a meta property that is given twice",
        meta_twice,
        Expected::NotLoaded("\"steps\" comes twice"),
    ),
    covered(
        "36",
        "files cut off anywhere",
        "tests/safetensors.rs::a_file_cut_off_anywhere_is_refused",
        CommandLine::Test("cli/tests/hostile_inputs.rs::an_update_cut_off_anywhere_is_refused"),
    ),
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
    covered(
        "37",
        "deep JSON in a job's configuration",
        "tests/job_config.rs::hostile_json_is_an_error_and_no_crash",
        CommandLine::Test("cli/tests/hostile_inputs.rs::hostile_json_in_a_configuration_is_refused"),
    ),
    covered(
        "37",
        "deep JSON in a trace",
        "tests/job_traces.rs::hostile_json_is_an_error_that_names_the_line",
        CommandLine::Test("cli/tests/hostile_inputs.rs::a_trace_that_nests_too_deep_is_refused"),
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

fn archive_without_memory() -> Errands {
    Errands::granting(EVERYTHING)
        .file("job/a", "a")
        .told("quota exceeded: limit memory", [json!({"put-archive": ["key", "job", ""]})])
        .told("not found: ", [json!({"head": "key"})])
}

fn archive_too_deep() -> Errands {
    Errands::granting(EVERYTHING)
        .file("job/1/2/3/4/5/6/7/8/9/a", "a")
        .told("quota exceeded: limit archive-depth", [json!({"put-archive": ["key", "job", ""]})])
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

/// The archive with links beside its file is as long as the one without.
fn linked_archive() -> Errands {
    Errands::granting(EVERYTHING)
        .file("outside/secret", "secret")
        .file("job/one/a", "hello")
        .link("job/one/file", "../../outside/secret")
        .link("job/one/folder", "../../outside")
        .file("job/two/a", "hello")
        .told("ok one of 171 bytes", [json!({"put-archive": ["one", "job", "one"]})])
        .told("ok two of 171 bytes", [json!({"put-archive": ["two", "job", "two"]})])
}

/// An update of one tensor of four elements, in four bytes, of this dtype.
fn one_tensor(dtype: &str) -> Vec<u8> {
    let header = format!(r#"{{"a":{{"dtype":"{dtype}","shape":[4],"data_offsets":[0,4]}}}}"#);
    safetensors_bytes(&header, &[0; 4])
}

/// An update of two tensors of four bytes, which lie where this says, with so many bytes of data.
fn two_tensors(one: &str, lies: &str, other: &str, other_lies: &str, bytes: usize) -> Vec<u8> {
    let entry = |name: &str, offsets: &str| {
        format!(r#""{name}":{{"dtype":"U8","shape":[4],"data_offsets":{offsets}}}"#)
    };
    let header = format!("{{{},{}}}", entry(one, lies), entry(other, other_lies));
    safetensors_bytes(&header, &vec![0; bytes])
}

/// An update of four elements, of which none is a normal number.
pub fn of_no_numbers() -> Vec<u8> {
    let elements = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(1)];
    let bytes: Vec<_> = elements.into_iter().flat_map(f32::to_le_bytes).collect();
    safetensors_bytes(r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, &bytes)
}

/// They are values like any others to the host; what a filter makes of them is its matter.
fn no_numbers(_: Limits) -> Ended {
    opened(&of_no_numbers())
}

fn meta_twice() -> Vec<u8> {
    safetensors_bytes(r#"{"__metadata__":{"flip.meta":"{\"steps\":1,\"steps\":2}"}}"#, &[])
}
