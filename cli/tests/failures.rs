//! Every way to fail: its exit code, what is said, and that nothing is left behind.

use std::fs;

use crate::support::Site;

#[test]
fn wrong_usage() {
    let site = Site::new();
    snapshot!(site.run(&["fitler"]));
    snapshot!(site.filter("percentile-privacy", &["--args", "percentile=3"]));
    snapshot!(site.filter("percentile-privacy", &["--kind", "WEIGHTDIFF"]));
    snapshot!(site.filter("percentile-privacy", &["--limits", "memroy=1GiB"]));
    snapshot!(site.filter("percentile-privacy", &["--limits", "call-time=10"]));
    snapshot!(site.filter("percentile-privacy", &["--meta", "[1]"]));
    snapshot!(site.filter("percentil-privacy", &[]));
    snapshot!(site.filter("percentile-privacy", &["--meta", r#"{"a": 1, "a": 2}"#]));
}

#[test]
fn args_that_the_component_does_not_accept() {
    let site = Site::new();
    snapshot!(site.filter("percentile-privacy", &["--args", r#"{"percentil": 3}"#]));
    snapshot!(site.filter("percentile-privacy", &["--args", r#"{"percentile": "3"}"#]));
    snapshot!(site.filter("percentile-privacy", &["--args", r#"{"data_kinds": ["METRICS"]}"#]));
}

#[test]
fn a_refusal() {
    let site = Site::new();
    snapshot!(site.filter("percentile-privacy", &["--args", r#"{"gamma": 0}"#]));
    snapshot!(site.filter("percentile-privacy", &["--args", r#"{"percentile": 101}"#]));
    snapshot!(site.filter("percentile-privacy", &["--meta", r#"{"NUM_STEPS_CURRENT_ROUND": 0}"#]));
    snapshot!(site.misbehave(r#"{"refuse": "not\ntoday \u001b[31m"}"#, &[]));
}

#[test]
fn a_component_that_fails() {
    let site = Site::new();
    snapshot!(site.misbehave(r#""panic""#, &[]));
    snapshot!(site.misbehave(r#""zero-then-panic""#, &[]));
    snapshot!(site.misbehave(r#""recurse""#, &[]));
    snapshot!(site.misbehave(r#""grow""#, &["--limits", "memory=32MiB"]));
    snapshot!(site.misbehave(r#""loop""#, &["--limits", "call-time=200ms"]));
    snapshot!(site.misbehave(r#""loop-in-configure""#, &["--limits", "total-time=200ms,call-time=1h"]));
}

#[test]
fn input_that_cannot_be_used() {
    let site = Site::new();
    snapshot!(site.run(&["filter", "percentile-privacy", "--in", "missing.safetensors", "--out", "o"]));
    snapshot!(site.filter("missing.wasm", &[]));
    let update = fs::read(site.path("update.safetensors")).unwrap();
    for (name, bytes) in [
        ("cut_in_the_data", update[..update.len() - 1].to_vec()),
        ("cut_in_the_header", update[..100].to_vec()),
        ("a_header_of_2_to_the_63_bytes", [&(1_u64 << 63).to_le_bytes(), &update[8..]].concat()),
        ("empty", vec![]),
        ("a_name_twice", replaced(&update, "bn.bias", "fc1.bias")),
        ("overlapping", replaced(&update, "[20,32]", "[16,28]")),
        ("an_unknown_dtype", replaced(&update, "\"I64\"", "\"F99\"")),
    ] {
        site.write("update.safetensors", &bytes);
        insta::with_settings!({ snapshot_suffix => name }, { snapshot!(site.filter("percentile-privacy", &[])) });
    }
}

/// The file with a text in its header replaced, its length adjusted by padding.
fn replaced(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let text = std::str::from_utf8(&file[8..8 + header]).unwrap().trim_end().replacen(from, to, 1);
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(&file[8 + header..]);
    bytes
}

#[test]
fn a_file_that_is_no_component_for_this() {
    let site = Site::new();
    for (name, wat) in [
        ("a_core_module", "(module)"),
        ("no_role", "(component)"),
        ("an_unknown_import", r#"(component (import "acme:cloud/upload@1.2.3" (instance)))"#),
        ("a_version_to_come", r#"(component (import "flip:fl/tensors@9.0.0" (instance)))"#),
    ] {
        site.write("guest.wasm", &wat::parse_str(wat).unwrap());
        insta::with_settings!({ snapshot_suffix => name }, { snapshot!(site.filter("guest.wasm", &[])) });
    }
    site.write("guest.wasm", b"not wasm at all");
    snapshot!(site.filter("guest.wasm", &[]));
}

#[test]
fn a_report_that_cannot_be_written_leaves_no_output() {
    let site = Site::new();
    snapshot!(site.filter("percentile-privacy", &["--report", "no/such/report.json"]));
    snapshot!(site.filter("percentile-privacy", &["--report", "out.safetensors"]));
}

#[test]
fn an_output_that_cannot_be_written() {
    let site = Site::new();
    fs::create_dir(site.path("directory")).unwrap();
    snapshot!(site.run(&[
        "filter",
        "percentile-privacy",
        "--in",
        "update.safetensors",
        "--out",
        "directory"
    ]));
    snapshot!(site.run(&[
        "filter",
        "percentile-privacy",
        "--in",
        "update.safetensors",
        "--out",
        "no/such/out"
    ]));
}
