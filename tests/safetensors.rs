//! Safetensors files that are read: hostile and odd ones, and those of the format's own library.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use flip_runtime::safetensors::{self, DxoFile, KIND, META, Overrides};
use flip_runtime::{Code, DataKind, Dtype, Error};
use flip_wasm_tests::safetensors_bytes;
use proptest::prelude::*;

const HEADER: &str = r#"{"__metadata__":{"by":"hand"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}"#;

fn open(bytes: &[u8]) -> Result<DxoFile, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, bytes).unwrap();
    safetensors::open(&path, Overrides::default())
}

/// The file is refused, as a file that is not what it should be, with this in the reason.
#[track_caller]
fn assert_invalid(bytes: &[u8], reason: &str) {
    match open(bytes) {
        Err(error @ Error::InvalidFile { .. }) => {
            assert_eq!(error.code(), Code::InvalidInput);
            assert!(error.to_string().contains(reason), "{reason:?} is not in: {error}");
        }
        Err(error) => panic!("{error:?}"),
        Ok(file) => panic!("it was opened: {:?}", file.dxo),
    }
}

#[track_caller]
fn assert_invalid_header(header: &str, data: usize, reason: &str) {
    assert_invalid(&safetensors_bytes(header, &vec![0; data]), reason);
}

#[test]
pub fn a_file_cut_off_anywhere_is_refused() {
    let bytes = safetensors_bytes(HEADER, &[7; 24]);
    assert!(open(&bytes).is_ok());
    for end in 0..bytes.len() {
        assert_invalid(&bytes[..end], if end < 8 { "ends before" } else { "truncated" });
    }
}

#[test]
fn a_header_longer_than_the_format_allows_is_refused_before_it_is_read() {
    for length in [100_000_001, 1 << 63, u64::MAX, u64::MAX - 7] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(HEADER.as_bytes());
        assert_invalid(&bytes, "the format allows 100000000");
    }
    let mut bytes = 100_000_000_u64.to_le_bytes().to_vec();
    bytes.extend_from_slice(b"{}");
    assert_invalid(&bytes, "truncated: a header of 100000000 bytes in a file of 10 bytes");
}

#[test]
fn tensors_that_overlap_leave_gaps_or_do_not_end_with_the_file_are_refused() {
    let two = |a: &str, b: &str| {
        format!(
            r#"{{"a":{{"dtype":"U8","shape":[4],"data_offsets":{a}}},"b":{{"dtype":"U8","shape":[4],"data_offsets":{b}}}}}"#
        )
    };
    assert!(open(&safetensors_bytes(&two("[4,8]", "[0,4]"), &[0; 8])).is_ok());
    assert_invalid_header(&two("[0,4]", "[2,6]"), 6, "overlaps another");
    assert_invalid_header(&two("[0,4]", "[0,4]"), 4, "overlaps another");
    assert_invalid_header(&two("[0,4]", "[5,9]"), 9, "leaves a gap");
    assert_invalid_header(&two("[1,5]", "[5,9]"), 9, "leaves a gap");
    assert_invalid_header(&two("[0,4]", "[4,8]"), 9, "bytes follow the last tensor");
    assert_invalid_header(&two("[0,4]", "[4,8]"), 7, "truncated");
    assert_invalid_header("{}", 1, "bytes follow the last tensor");
}

#[test]
fn shapes_and_offsets_that_contradict_each_other_are_refused() {
    let one = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let max = u64::MAX;
    assert_invalid_header(&one("F32", "[2]", "[0,4]"), 4, "are not the 8 bytes of its shape");
    assert_invalid_header(&one("F32", "[2]", "[8,0]"), 8, "are not the 8 bytes of its shape");
    assert_invalid_header(&one("F32", "[1]", &format!("[{},{max}]", max - 4)), 4, "leaves a gap");
    assert_invalid_header(&one("F32", &format!("[{max}]"), "[0,8]"), 8, "no tensor can have its shape");
    assert_invalid_header(&one("U8", "[4294967296,4294967296]", "[0,0]"), 0, "no tensor can have its shape");
    assert_invalid_header(&one("U8", &format!("[{max},0]"), "[0,1]"), 1, "are not the 0 bytes");
    assert_invalid_header(&one("U8", "[-1]", "[0,1]"), 1, "invalid");
    assert_invalid_header(&one("U8", "[1.0]", "[0,1]"), 1, "invalid");
    assert_invalid_header(&one("U8", "[18446744073709551616]", "[0,1]"), 1, "invalid");
    assert_invalid_header(&one("U8", "[1]", "[0,1,2]"), 1, "invalid");
    assert_invalid_header(&one("U8", &format!("{:?}", [1; 33]), "[0,1]"), 1, "no tensor can have its shape");
    assert!(open(&safetensors_bytes(&one("U8", &format!("{:?}", [1; 32]), "[0,1]"), &[0])).is_ok());
}

#[test]
fn a_shape_that_only_a_file_beyond_any_disk_could_fill_is_refused() {
    let half = 1_u64 << 63;
    let header = format!(r#"{{"a":{{"dtype":"U8","shape":[{half}],"data_offsets":[0,{half}]}}}}"#);
    assert_invalid_header(&header, 10, "truncated");
}

#[test]
fn dtypes_that_numpy_has_not_are_refused_by_name() {
    for dtype in ["F8_E4M3", "F8_E5M2", "F4", "C64", "f32", ""] {
        let header = format!(r#"{{"a":{{"dtype":"{dtype}","shape":[1],"data_offsets":[0,1]}}}}"#);
        assert_invalid_header(&header, 1, &format!("{dtype:?} is none of NumPy's"));
    }
}

#[test]
fn a_header_that_says_two_things_is_refused() {
    let entry = r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    assert_invalid_header(&format!(r#"{{"a":{entry},"a":{entry}}}"#), 1, "tensor \"a\" comes twice");
    assert_invalid_header(r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "__metadata__ comes twice");
    assert_invalid_header(r#"{"__metadata__":{"k":"1","k":"2"}}"#, 0, "\"k\" comes twice");
    let meta = r#"{"__metadata__":{"flip.meta":"{\"steps\":1,\"steps\":2}"}}"#;
    assert_invalid_header(meta, 0, "flip.meta is no JSON object: \"steps\" comes twice");
    let twice = r#"{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}"#;
    assert_invalid_header(twice, 1, "duplicate field");
}

#[test]
fn what_is_no_header_is_refused() {
    for header in
        ["", "[]", "null", "1", "\"a\"", "{", "{}x", "{} {}", r#"{"a":1}"#, r#"{"a":[]}"#, "\0\0", "not JSON"]
    {
        assert_invalid_header(header, 0, "its header is invalid");
    }
    assert_invalid_header(r#"{"__metadata__":{"k":1}}"#, 0, "its header is invalid");
    assert_invalid_header(r#"{"a":{"dtype":"U8","shape":[1]}}"#, 1, "data_offsets");
    let mut bytes = safetensors_bytes(r#"{"__metadata__":{"k":"?"}}"#, &[]);
    let place = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[place] = 0xff;
    assert_invalid(&bytes, "its header is invalid");
    let deep = "[".repeat(100_000);
    assert_invalid_header(&format!(r#"{{"a":{{"dtype":{deep}"#), 0, "its header is invalid");
}

#[test]
fn metadata_that_is_no_kind_or_no_meta_is_refused() {
    let with = |key: &str, value: &str| format!(r#"{{"__metadata__":{{"{key}":"{value}"}}}}"#);
    assert_invalid_header(&with(KIND, "weights"), 0, "no data kind of NVFLARE");
    assert_invalid_header(&with(KIND, "METRICS"), 0, "holds WEIGHTS or WEIGHT_DIFF, not METRICS");
    assert_invalid_header(&with(KIND, "COLLECTION"), 0, "not COLLECTION");
    for meta in ["", "[]", "1", "{", r#"{\"a\": }"#] {
        assert_invalid_header(&with(META, meta), 0, "is no JSON object");
    }
}

#[test]
fn a_name_of_any_length_was_repeated_in_its_error() {
    let name = "x".repeat(100_000);
    let header = format!(r#"{{"{name}":{{"dtype":"U8","shape":[1],"data_offsets":[0,2]}}}}"#);
    let error = open(&safetensors_bytes(&header, &[0; 2])).unwrap_err().to_string();
    assert!(error.len() < 3_000 && error.ends_with("(cut)"), "{error}");
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [directory.path(), &pipe, Path::new("/dev/null")] {
        let error = safetensors::open(path, Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
    let error = safetensors::open(&directory.path().join("missing"), Overrides::default()).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
}

#[test]
fn a_file_without_a_tensor_holds_empty_weight_differences() {
    let file = open(&safetensors_bytes("{}  ", &[])).unwrap();
    assert_eq!((file.dxo.kind(), file.dxo.is_empty()), (DataKind::WeightDiff, true));
}

#[test]
fn files_of_the_formats_own_library_are_read() {
    use ::safetensors::tensor::{Dtype as Theirs, TensorView, serialize};
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let (ints, floats) = ([1_u8, 0, 2, 0, 3, 0], 1.5_f64.to_le_bytes());
    let tensors = [
        ("ints", TensorView::new(Theirs::I16, vec![3], &ints).unwrap()),
        ("float", TensorView::new(Theirs::F64, vec![], &floats).unwrap()),
    ];
    let file = open(&serialize(tensors, Some(metadata)).unwrap()).unwrap();
    assert_eq!(file.metadata["format"], "pt");
    let tensors = file.dxo.tensors().unwrap();
    assert_eq!(tensors["ints"].dtype(), Dtype::Int16);
    assert_eq!(tensors["ints"].shape(), [3]);
    assert_eq!(tensors["float"].shape(), [0; 0]);
}

/// Opens the bytes and reads every tensor; whatever they are, this ends without a panic.
fn read_all(bytes: &[u8]) {
    if let Ok(file) = open(bytes) {
        for tensor in file.dxo.tensors().unwrap().values() {
            assert_eq!(tensor.to_bytes().unwrap().len() as u64, tensor.byte_len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
        read_all(&safetensors_bytes(&String::from_utf8_lossy(&bytes), &[0; 8]));
    }

    #[test]
    fn mutated_files_never_panic(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = safetensors_bytes(HEADER, &[1; 24]);
        for (index, byte) in mutations {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        read_all(&bytes);
    }

    #[test]
    fn arbitrary_entries_are_read_whole_or_refused(
        dtype in prop::sample::select(&Dtype::ALL[..]),
        shape in prop::collection::vec(prop_oneof![0_u64..4, any::<u64>()], 0..5),
        begin in prop_oneof![Just(0_u64), any::<u64>()],
        end in prop_oneof![0_u64..40, any::<u64>()],
        data in 0_usize..40,
    ) {
        let header = format!(
            r#"{{"a":{{"dtype":"{}","shape":{shape:?},"data_offsets":[{begin},{end}]}}}}"#,
            dtype.safetensors_name()
        );
        read_all(&safetensors_bytes(&header, &vec![1; data]));
    }
}
