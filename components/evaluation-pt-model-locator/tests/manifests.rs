//! Manifests held against a file of a current torch.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

use std::collections::BTreeMap;
use std::path::Path;

use checkpoint::{Checkpoint, Reader};
use evaluation_pt_model_locator::manifest::{Differences, Manifest};
use serde_json::{Value, json};

fn checkpoint() -> Checkpoint {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../checkpoint/tests/fixtures/torch2");
    let file = std::fs::read(fixtures.join("nested.pt")).unwrap();
    Reader::new(file.as_slice()).checkpoint().unwrap()
}

/// What the file has, changed.
fn differences(change: impl FnOnce(&mut BTreeMap<String, Value>)) -> Differences {
    let entry = |dtype: &str, shape: Value| json!({"dtype": dtype, "shape": shape});
    let mut manifest = BTreeMap::from([
        ("weight".to_owned(), entry("torch.float32", json!([3, 2]))),
        ("bias".to_owned(), entry("float32", json!([3]))),
    ]);
    change(&mut manifest);
    Manifest::parse(&serde_json::to_vec(&manifest).unwrap()).unwrap().compare(&checkpoint())
}

fn error(change: impl FnOnce(&mut BTreeMap<String, Value>)) -> String {
    differences(change).error.unwrap()
}

#[test]
fn a_checkpoint_that_fits() {
    assert_eq!(differences(|_| {}), Differences::default());
}

#[test]
fn every_difference_is_named() {
    let extra = json!({"dtype": "torch.int64", "shape": []});
    let error = error(|manifest| {
        manifest.remove("bias");
        manifest.insert("head".to_owned(), extra);
        manifest.get_mut("weight").unwrap()["shape"] = json!([2, 3]);
    });
    assert_eq!(error, "missing: head; unexpected: bias; of another shape: weight is [3, 2] and not [2, 3]");
}

#[test]
fn of_many_names_the_first_are_told() {
    let error = error(|manifest| {
        for index in 0..1000 {
            let name = format!("{index:03}{}", "x".repeat(200));
            manifest.insert(name, json!({"dtype": "float32", "shape": [1]}));
        }
    });
    assert!(error.starts_with("missing: 000xxx") && error.ends_with("…, 995 more"), "{error}");
    assert!(error.len() < 1000);
}

#[test]
fn another_dtype_is_told_and_no_error() {
    let found = differences(|manifest| manifest.get_mut("bias").unwrap()["dtype"] = json!("torch.float16"));
    assert_eq!(found.dtypes.unwrap(), "of another dtype: bias is float32 and not float16");
    assert_eq!(found.error, None);
}

#[test]
fn a_shape_is_no_product() {
    for shape in [json!([]), json!([3, 1]), json!([1, 3]), json!([4]), json!([0])] {
        let error = error(|manifest| manifest.get_mut("bias").unwrap()["shape"] = shape);
        assert!(error.starts_with("of another shape: bias is [3] and not ["), "{error}");
    }
}

#[test]
fn what_is_no_manifest() {
    for text in ["", "[]", "7", r#"{"a": {}}"#, r#"{"a": {"dtype": 1, "shape": []}}"#, r#"{"a": null}"#] {
        Manifest::parse(text.as_bytes()).unwrap_err();
    }
    for shape in ["[-1]", "[1.5]", "3", "[[]]"] {
        let text = format!(r#"{{"a": {{"dtype": "float32", "shape": {shape}}}}}"#);
        Manifest::parse(text.as_bytes()).unwrap_err();
    }
}
