//! The recorded files, held against what torch says of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use checkpoint::{Checkpoint, Dtype, Value};
use common::{Ends, archive, exercise, fixture, fixtures, open, part, read_all, refused};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

fn manifest() -> Json {
    serde_json::from_slice(&fixture("manifest.json")).unwrap()
}

fn numbers(value: &Json) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every tensor is what the manifest says, whatever the size of the windows.
fn check(file: &[u8], checkpoint: &Checkpoint, expected: &[(String, Json)]) {
    let names: Vec<&str> = checkpoint.tensors().iter().map(checkpoint::Tensor::name).collect();
    let mut sorted: Vec<&str> = names.clone();
    sorted.sort_unstable();
    let mut wanted: Vec<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
    for (name, entry) in expected {
        let tensor = checkpoint.tensor(name).unwrap();
        assert_eq!(tensor.dtype().name(), entry["dtype"], "{name}");
        assert_eq!(tensor.shape(), numbers(&entry["shape"]), "{name}");
        assert_eq!(tensor.strides(), numbers(&entry["stride"]), "{name}");
        assert_eq!(tensor.storage_offset(), entry["storage_offset"].as_u64().unwrap(), "{name}");
        for window in [1, 2, 3, 5, 7, 11, 13, 64, 1000] {
            let bytes = read_all(file, tensor, window).unwrap();
            assert_eq!(hash(&bytes), entry["sha256"], "{name} in windows of {window}");
        }
    }
}

fn tensors_of(entry: &Json) -> Vec<(String, Json)> {
    entry["tensors"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.clone()))
        .collect()
}

#[test]
fn every_flat_file_is_what_the_manifest_says() {
    for name in ["state_dict", "state_dict_legacy", "half_bf16_legacy", "noncontig", "tied"] {
        let file = fixture(&format!("{name}.pt"));
        let checkpoint = open(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&file, &checkpoint, &tensors_of(&manifest()[name]));
        assert_eq!((checkpoint.meta_props(), checkpoint.train_conf()), (None, None));
    }
}

#[test]
fn tensors_keep_the_order_of_the_state_dict() {
    let checkpoint = open(&fixture("state_dict.pt")).unwrap();
    let names: Vec<&str> = checkpoint.tensors().iter().map(checkpoint::Tensor::name).collect();
    assert_eq!(names[..3], ["0.weight", "0.bias", "1.weight"]);
    assert_eq!(names[6..], ["1.num_batches_tracked", "4.weight", "4.bias"]);
}

#[test]
fn tied_tensors_share_a_storage() {
    let checkpoint = open(&fixture("tied.pt")).unwrap();
    let storage = |name| checkpoint.tensor(name).unwrap().storage();
    assert_eq!(storage("emb.weight"), storage("head.weight"));
    assert_eq!(storage("emb.weight"), storage("slice"));
    assert_eq!(checkpoint.bytes(), 4 * (24 + 24 + 4 + 12));
}

/// The file has a complex tensor, which FLIP does not use. Without it all other dtypes are read.
#[test]
fn every_dtype_is_read_and_a_complex_one_refused() {
    let file = fixture("half_bf16.pt");
    refused(&file, "global 'torch.ComplexFloatStorage'");
    let start = file.windows(11).position(|bytes| bytes == b"\x80\x02ccollecti").unwrap();
    let complex = file.windows(8).position(|bytes| bytes == b"X\x03\0\0\0c64").unwrap();
    let pickle = [&file[start..complex], b"u."].concat();
    let mut parts = vec![part("half/data.pkl", &pickle)];
    let place = |key: usize| {
        let name = format!("half_bf16/data/{key}");
        let at = file.windows(name.len()).position(|bytes| bytes == name.as_bytes()).unwrap();
        let extra = u16::from_le_bytes([file[at - 2], file[at - 1]]);
        at + name.len() + usize::from(extra)
    };
    for (key, size) in [70, 48, 24, 8, 5, 8, 16, 32, 3].into_iter().enumerate() {
        parts.push(part(&format!("half/data/{key}"), &file[place(key)..place(key) + size]));
    }
    let file = archive(&parts, &Ends::default());
    let mut expected = tensors_of(&manifest()["half_bf16"]);
    expected.retain(|(name, _)| name != "c64");
    let checkpoint = open(&file).unwrap();
    check(&file, &checkpoint, &expected);
    assert_eq!(checkpoint.tensor("b").unwrap().dtype(), Dtype::Bfloat16);
    assert_eq!(checkpoint.tensor("boo").unwrap().dtype(), Dtype::Bool);
}

#[test]
fn the_nested_form_has_its_values_too() {
    let file = fixture("nvflare.pt");
    let checkpoint = open(&file).unwrap();
    let expected: Vec<_> = tensors_of(&manifest()["nvflare"])
        .into_iter()
        .map(|(name, entry)| (name.strip_prefix("model/").unwrap().to_owned(), entry))
        .collect();
    check(&file, &checkpoint, &expected);
    assert_eq!(checkpoint.meta_props(), None);
    assert_eq!(checkpoint.other(), ["extra"]);
    let text = |value: &str| Value::Str(value.to_owned());
    let one_to_three = [1, 2, 3].map(Value::Int).to_vec();
    let train = [
        ("model", text("SimpleNetwork")),
        ("lr", Value::Float(0.01)),
        ("epochs", Value::Int(3)),
        ("momentum", Value::None),
        ("big", Value::Int(1 << 40)),
        ("neg", Value::Int(-5)),
        ("huge", Value::Int(1 << 70)),
        ("flag", Value::Bool(true)),
        ("s", text("héllo")),
        ("lst", Value::List(one_to_three)),
        ("tup", Value::Tuple(vec![Value::Int(1), Value::Float(2.5), text("x")])),
    ];
    let train = Value::Dict(train.into_iter().map(|(key, value)| (text(key), value)).collect());
    assert_eq!(checkpoint.train_conf(), Some(&Value::Dict(vec![(text("train"), train)])));
}

#[test]
fn what_calls_a_program_is_named_and_not_called() {
    // It would touch `pwned` in the working directory.
    refused(&fixture("evil.pt"), "global 'posix.system' at offset 64 is not allowed");
    assert!(!std::env::current_dir().unwrap().join("pwned").exists());
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    refused(&fixture("truncated.pt"), "the archive is cut off");
    for name in fixtures() {
        let file = fixture(&name);
        for length in 0..file.len() {
            let cut = &file[..length];
            assert!(exercise(cut).is_err(), "{name} cut to {length} bytes");
        }
    }
}
