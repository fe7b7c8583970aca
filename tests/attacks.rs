//! Attacks that went through once.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use flip_runtime::safetensors::{DxoFile, Output, Overrides, open};
use flip_runtime::{DataKind, Dtype, Dxo, Error, Inspection, Instance, Json, Limits, Tensor};
use flip_wasm_tests::{
    RESHAPING, assert_limit, context, granted, misbehaving, misbehaving_filter, misbehaving_within, runtime,
    short_calls, update, values, write_safetensors,
};
use indexmap::IndexMap;

fn load_error(wat: &str) -> String {
    runtime().load_bytes("wat", &wat::parse_str(wat).unwrap()).err().unwrap().to_string()
}

#[test]
fn names_in_a_component_forged_lines() {
    for wat in [
        r#"(component (core module $m (import "\1b[2J\nerror: forged" "x" (func))) (core instance (instantiate $m)))"#,
        r#"(component (import "url=<https://a/\1b[31m\nerror: forged>" (func)))"#,
    ] {
        let error = load_error(wat);
        assert!(error.contains("forged") && !error.chars().any(char::is_control), "{error:?}");
    }
}

#[test]
fn a_filter_rewrote_the_history_of_others() {
    let filtered = misbehaving(r#""forge-history""#).filter(update(), &context()).unwrap();
    assert_eq!(filtered.dxo.meta["filter_history"].text(), r#"["MisbehavingFilter"]"#);
}

#[test]
fn a_component_nested_20000_deep_took_seconds_to_refuse() {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..40 {
        let mut size = component.len();
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        while size > 127 {
            outer.push(size as u8 | 128);
            size >>= 7;
        }
        outer.push(size as u8);
        outer.extend_from_slice(&component);
        component = outer;
    }
    let error = Inspection::of(&component).unwrap_err();
    assert!(error.contains("nest deeper than 32"), "{error}");
}

/// A file of one tensor, an output beside it, and the guest that writes there.
fn from_file_to_file(directory: &Path, deed: &str, limits: Limits) -> (DxoFile, Output, Instance) {
    from_header_to_file(directory, r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, deed, limits)
}

/// The same from a file of eight bytes with this header.
fn from_header_to_file(
    directory: &Path,
    header: &str,
    deed: &str,
    limits: Limits,
) -> (DxoFile, Output, Instance) {
    let input = directory.join("in");
    write_safetensors(&input, header, &[0; 8]);
    let file = open(&input, Overrides::default()).unwrap();
    let output = Output::create(&directory.join("out"), &file.dxo, &file.metadata).unwrap();
    let args = format!(r#"{{"deed": {deed}}}"#);
    let filter = misbehaving_filter().instance().args(args).grants(granted(RESHAPING)).limits(limits);
    let filter = filter.write_to(&output).build().unwrap();
    (file, output, filter)
}

#[test]
pub fn a_file_was_committed_that_nobody_can_read() {
    assert_not_committed(r#"{"set-named": "__metadata__"}"#);
}

#[test]
pub fn a_header_was_committed_that_nobody_reads_for_its_length() {
    assert_not_committed(r#"{"big-meta": 101}"#);
}

#[test]
fn a_header_that_is_too_long_for_its_escapes_alone_is_not_committed() {
    let mut dxo = update();
    dxo.meta.insert("a".to_owned(), Json::parse(format!("\"{}\"", r#"\""#.repeat(30_000_000))).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let output = Output::create(&directory.path().join("out"), &update(), &IndexMap::new()).unwrap();
    let error = output.commit(dxo, &IndexMap::new()).unwrap_err();
    assert!(error.to_string().contains("where the format allows 100000000"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// In place there is room behind the header, which counts as part of it.
#[test]
fn a_header_that_is_just_short_enough_was_written_with_room_that_made_it_too_long() {
    let directory = tempfile::tempdir().unwrap();
    let meta = format!(r#"{{\"a\": \"{}\"}}"#, "x".repeat(99_999_500));
    let header = format!(
        r#"{{"__metadata__":{{"flip.meta":"{meta}"}},"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}}}"#
    );
    let (file, output, mut filter) =
        from_header_to_file(directory.path(), &header, r#""write-nan""#, Limits::default());
    let filtered = filter.filter(file.dxo, &context()).unwrap();
    output.commit(filtered.dxo, &file.metadata).unwrap();
    let read = open(&directory.path().join("out"), Overrides::default()).unwrap();
    assert!(values(&read.dxo.tensors().unwrap()["a"]).iter().all(|value| value.is_nan()));
}

#[track_caller]
fn assert_not_committed(deed: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (file, output, mut filter) = from_file_to_file(directory.path(), deed, Limits::default());
    let filtered = filter.filter(file.dxo, &context()).unwrap();
    let error = output.commit(filtered.dxo, &file.metadata).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "{deed}");
}

#[test]
fn dropped_tensors_stayed_on_disk_beyond_host_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { host_bytes: 2 << 20, ..Limits::default() };
    let (file, _output, mut filter) = from_file_to_file(directory.path(), r#"{"churn": 100}"#, limits);
    filter.filter(file.dxo, &context()).unwrap();
    let entries = fs::read_dir(directory.path()).unwrap();
    let disk: u64 = entries.map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512).sum();
    assert!(disk <= 4 << 20, "{} MiB", disk >> 20);
}

#[test]
fn random_bytes_came_in_any_number() {
    let wat = r#"(component
        (import "wasi:random/random@0.2.6" (instance $r
            (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (core module $mem (memory (export "m") 1000)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $i (instantiate $mem))
        (core func $c (canon lower (func $r "get-random-bytes")
            (memory (core memory $i "m")) (realloc (core func $i "realloc"))))
        (core module $m (import "" "c" (func $c (param i64 i32)))
            (func $start (call $c (i64.const 60000000) (i32.const 16))) (start $start))
        (core instance (instantiate $m (with "" (instance (export "c" (func $c)))))))"#;
    let component = runtime().load_bytes("wat", &wat::parse_str(wat).unwrap()).unwrap();
    // With call-time alone this ended in a limit, 15 seconds late.
    let error = component.instance().limits(short_calls()).build().err().unwrap();
    assert!(matches!(&error, Error::Limit { reached, .. } if reached.limit == "call-bytes"), "{error}");
}

#[test]
fn a_copy_inside_the_host_outlived_the_calls_time() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("in");
    let bytes: u64 = 900 << 20;
    let header = format!(r#"{{"a":{{"dtype":"F32","shape":[{}],"data_offsets":[0,{bytes}]}}}}"#, bytes / 4);
    write_safetensors(&input, &header, &[]);
    let header = fs::metadata(&input).unwrap().len();
    fs::OpenOptions::new().write(true).open(&input).unwrap().set_len(header + bytes).unwrap();
    let file = open(&input, Overrides::default()).unwrap();
    let output = Output::create(&directory.path().join("out"), &file.dxo, &file.metadata).unwrap();
    let builder = misbehaving_filter();
    let builder = builder.instance().args(r#"{"deed": "copy-shared"}"#).grants(granted(RESHAPING));
    let builder = builder.limits(short_calls());
    let mut filter = builder.write_to(&output).build().unwrap();
    assert_limit(filter.filter(file.dxo, &context()), "call-time");
    let entries = fs::read_dir(directory.path()).unwrap();
    let disk: u64 = entries.map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512).sum();
    assert!(disk < bytes, "the copy went on: {} MiB", disk >> 20);
}

#[test]
fn memory_that_is_not_there_ended_the_process() {
    let limits = Limits { memory: u64::MAX, host_bytes: u64::MAX, ..Limits::default() };
    let tensors = [("a".to_owned(), Tensor::zeros(Dtype::Uint8, &[1 << 62]).unwrap())];
    let dxo = Dxo::of_tensors(DataKind::Weights, tensors).unwrap();
    let error = misbehaving_within(r#""touch-first""#, limits).filter(dxo, &context()).unwrap_err();
    assert!(error.to_string().contains("out of memory"), "{error}");
}

#[test]
pub fn a_loop_went_on_after_the_run_was_aborted() {
    let context = context();
    let abort = context.abort.clone();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        abort.trigger();
    });
    let error = misbehaving(r#""loop""#).filter(update(), &context).unwrap_err();
    assert!(error.to_string().contains("the run is being aborted"), "{error}");
}

#[test]
pub fn nan_that_a_filter_writes_goes_out_as_it_was_written() {
    let filtered = misbehaving(r#""write-nan""#).filter(update(), &context()).unwrap();
    for tensor in filtered.dxo.tensors().unwrap().values() {
        assert!(values(tensor).iter().all(|value| value.to_bits() == f32::NAN.to_bits()));
    }
}
