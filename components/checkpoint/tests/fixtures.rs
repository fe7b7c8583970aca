//! The recorded files, held against what torch says of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use checkpoint::Value;
use common::{check, exercise, fixture, fixtures, open, refused};
use serde_json::Value as Json;

fn manifest(folder: &str) -> Json {
    serde_json::from_slice(&fixture(&format!("{folder}/manifest.json"))).unwrap()
}

#[test]
fn every_flat_file_is_what_torch_says_of_it() {
    for name in ["state_dict", "state_dict_legacy", "half_bf16", "half_bf16_legacy", "noncontig", "tied"] {
        let file = fixture(&format!("torch1/{name}.pt"));
        let checkpoint = open(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&file, &checkpoint, &manifest("torch1")[name]["tensors"]);
        assert_eq!((checkpoint.meta_props(), checkpoint.train_conf()), (None, None));
    }
}

#[test]
fn both_formats_of_a_current_torch() {
    for name in ["mixed.pt", "mixed_legacy.pt", "nested.pt", "nested_legacy.pt"] {
        let file = fixture(&format!("torch2/{name}"));
        let checkpoint = open(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&file, &checkpoint, &manifest("torch2")[name]);
        let nested = name.starts_with("nested");
        assert_eq!(checkpoint.other(), if nested { &["optimizer"][..] } else { &[] });
        assert_eq!(checkpoint.meta_props().is_some(), nested);
    }
}

#[test]
fn tensors_keep_the_order_of_the_state_dict() {
    let checkpoint = open(&fixture("torch1/state_dict.pt")).unwrap();
    let names: Vec<&str> = checkpoint.tensors().iter().map(checkpoint::Tensor::name).collect();
    assert_eq!(names[..3], ["0.weight", "0.bias", "1.weight"]);
    assert_eq!(names[6..], ["1.num_batches_tracked", "4.weight", "4.bias"]);
}

#[test]
fn tied_tensors_share_a_storage() {
    let checkpoint = open(&fixture("torch1/tied.pt")).unwrap();
    let storage = |name| checkpoint.tensor(name).unwrap().storage();
    assert_eq!(storage("emb.weight"), storage("head.weight"));
    assert_eq!(storage("emb.weight"), storage("slice"));
    assert_eq!(checkpoint.bytes(), 4 * (24 + 24 + 4 + 12));
}

#[test]
fn the_nested_form_has_its_values_too() {
    let file = fixture("torch1/nvflare.pt");
    let checkpoint = open(&file).unwrap();
    let tensors = &manifest("torch1")["nvflare"]["tensors"];
    let tensors = tensors.as_object().unwrap().iter();
    let expected = tensors.map(|(name, entry)| (name["model/".len()..].to_owned(), entry.clone())).collect();
    check(&file, &checkpoint, &Json::Object(expected));
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
    // They would touch `pwned` in the working directory.
    refused(&fixture("torch1/evil.pt"), "global 'posix.system' at offset 64 is not allowed");
    refused(&fixture("torch2/system.pt"), "global 'posix.system' at offset");
    assert!(!std::env::current_dir().unwrap().join("pwned").exists());
}

#[test]
fn values_that_expand_without_end() {
    refused(&fixture("torch2/doubling.pt"), "too many values, the shared ones repeated");
    refused(&fixture("torch2/endless.pt"), "nested too deeply");
}

#[test]
fn a_size_that_lies() {
    refused(&fixture("torch2/lying_sizes.pt"), "'archive/data/0': it does not lie before the directory");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    refused(&fixture("torch1/truncated.pt"), "the archive is cut off");
    refused(&fixture("torch2/truncated.pt"), "the archive is cut off");
    for name in fixtures() {
        let file = fixture(&name);
        let step = if name.starts_with("torch1") { 1 } else { 17 };
        for length in (0..file.len()).step_by(step) {
            let cut = &file[..length];
            assert!(exercise(cut).is_err(), "{name} cut to {length} bytes");
        }
    }
}
