//! `flip-wasm checkpoint` on what torch wrote, and on what an attacker did.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Site;
use flip_runtime::safetensors::{self, Overrides};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../components/checkpoint/tests/fixtures")
}

/// A site with a copy of the file, `model.pt`.
fn site(file: &str) -> Site {
    let site = Site::new();
    site.write("model.pt", &fs::read(fixtures().join(file)).unwrap());
    site
}

/// What torch says of a file's tensors, by name.
fn manifest(file: &str) -> Value {
    let (folder, name) = file.split_once('/').unwrap();
    let manifest = fs::read(fixtures().join(folder).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    match folder {
        "torch1" => manifest[name.trim_end_matches(".pt")]["tensors"].clone(),
        _ => manifest[name].clone(),
    }
}

const HONEST: [&str; 10] = [
    "torch1/state_dict.pt",
    "torch1/state_dict_legacy.pt",
    "torch1/half_bf16.pt",
    "torch1/half_bf16_legacy.pt",
    "torch1/noncontig.pt",
    "torch1/tied.pt",
    "torch2/mixed.pt",
    "torch2/mixed_legacy.pt",
    "torch2/nested.pt",
    "torch2/nested_legacy.pt",
];

#[test]
fn every_tensor_is_converted_to_the_bytes_that_torch_has() {
    for file in HONEST {
        let site = site(file);
        let output = site.output(&["checkpoint", "model.pt", "--out", "model.safetensors"]);
        assert!(output.status.success(), "{file}: {output:?}");
        let written = safetensors::open(&site.path("model.safetensors"), Overrides::default()).unwrap();
        let (tensors, expected) = (written.dxo.tensors().unwrap(), manifest(file));
        let (complex, expected): (Vec<_>, Vec<_>) =
            expected.as_object().unwrap().iter().partition(|(_, entry)| entry["dtype"] == "complex64");
        assert_eq!(tensors.len(), expected.len(), "{file}");
        // What no dxo can hold is named.
        let unsupported = written.metadata.get("unsupported").map_or("", String::as_str);
        assert!(complex.iter().all(|(name, _)| unsupported.contains(*name)), "{file}: {unsupported}");
        assert_eq!(complex.is_empty(), unsupported.is_empty(), "{file}: {unsupported}");
        for (name, entry) in expected {
            let tensor = &tensors[name.as_str()];
            assert_eq!(tensor.dtype().to_string(), entry["dtype"], "{file}: {name}");
            assert_eq!(serde_json::json!(tensor.shape()), entry["shape"], "{file}: {name}");
            let digest = Sha256::digest(tensor.to_bytes().unwrap());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, entry["sha256"].as_str().unwrap(), "{file}: {name}");
        }
    }
}

#[test]
fn a_file_is_listed_for_people() {
    snapshot!(site("torch1/state_dict.pt").run(&["checkpoint", "model.pt"]));
    snapshot!(site("torch2/nested.pt").run(&["checkpoint", "model.pt"]));
    snapshot!(site("torch1/nvflare.pt").run(&["checkpoint", "model.pt"]));
}

#[test]
fn a_file_is_listed_as_json() {
    for file in HONEST {
        let output = site(file).output(&["checkpoint", "model.pt", "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        // Python's JSON may hold it, and torch2/nested does.
        let listed: Value = serde_json::from_str(&text.replace("NaN", "null")).unwrap();
        for tensor in listed["tensors"].as_array().unwrap() {
            let entry = &manifest(file)[tensor["name"].as_str().unwrap()];
            assert_eq!((&tensor["dtype"], &tensor["shape"]), (&entry["dtype"], &entry["shape"]), "{file}");
        }
    }
    snapshot!(site("torch2/nested.pt").run(&["checkpoint", "model.pt", "--json"]));
}

#[test]
fn what_a_file_says_beside_its_tensors_goes_into_the_metadata() {
    let site = site("torch2/nested.pt");
    assert!(site.output(&["checkpoint", "model.pt", "--out", "model.safetensors"]).status.success());
    let written = safetensors::open(&site.path("model.safetensors"), Overrides::default()).unwrap();
    let text = |key: &str| written.metadata[key].as_str();
    assert_eq!(
        text("meta_props"),
        r#"{"NUM_STEPS_CURRENT_ROUND": 12, "loss": NaN, "note": "a \"quote\", é"}"#
    );
    assert_eq!(text("train_conf"), r#"{"train": {"model": "SimpleNetwork", "lr": 0.1, "layers": [3, 2]}}"#);
    assert_eq!(text("other"), r#"["optimizer"]"#);
    assert!(written.dxo.meta.is_empty());
}

#[test]
fn a_hostile_file_is_exit_code_6_and_says_what_it_was() {
    for (file, reason) in [
        ("torch1/evil.pt", "global 'posix.system'"),
        ("torch2/system.pt", "global 'posix.system'"),
        ("torch1/truncated.pt", "the archive is cut off"),
        ("torch2/truncated.pt", "the archive is cut off"),
        ("torch2/lying_sizes.pt", "does not lie before the directory"),
        ("torch2/doubling.pt", "too many values"),
        ("torch2/endless.pt", "nested too deeply"),
    ] {
        let site = site(file);
        let before = site.files();
        for more in [&[][..], &["--json"], &["--out", "model.safetensors"]] {
            let output = site.output(&[&["checkpoint", "model.pt"], more].concat());
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), output.stdout.len()), (Some(6), 0), "{file}: {said}");
            assert!(said.contains("model.pt") && said.contains(reason), "{file}: {said}");
            assert_eq!(site.files(), before, "{file}: nothing is left, and nothing of it ran");
        }
    }
}

#[test]
fn a_file_that_is_not_there_or_none() {
    let site = Site::new();
    snapshot!(site.run(&["checkpoint", "missing.pt"]));
    fs::create_dir(site.path("folder.pt")).unwrap();
    snapshot!(site.run(&["checkpoint", "folder.pt"]));
    site.write("empty.pt", b"");
    snapshot!(site.run(&["checkpoint", "empty.pt"]));
    snapshot!(site.run(&["checkpoint", "update.safetensors"]));
}

#[test]
fn an_output_that_is_there_is_replaced_only_by_a_whole_one() {
    let site = site("torch1/evil.pt");
    site.write("model.safetensors", b"old");
    assert_eq!(site.output(&["checkpoint", "model.pt", "--out", "model.safetensors"]).status.code(), Some(6));
    assert_eq!(fs::read(site.path("model.safetensors")).unwrap(), b"old");
}

#[test]
fn what_the_host_may_keep_was_raised_where_it_was_given() {
    let site = site("torch1/noncontig.pt");
    let before = site.files();
    let convert =
        |limits| site.output(&["checkpoint", "model.pt", "--out", "model.safetensors", "--limits", limits]);
    let output = convert("host-bytes=1,memory=128MiB");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("limit host-bytes reached: 1 B allowed"), "{said}");
    assert_eq!(site.files(), before);
    assert!(convert("memory=128MiB").status.success());
}

#[test]
fn an_audit_trail_tells_what_was_read_and_what_went_out() {
    let site = site("torch2/mixed.pt");
    let command = ["checkpoint", "model.pt", "--out", "model.safetensors", "--audit", "audit.jsonl"];
    assert!(site.output(&command).status.success());
    let audited = site.output(&["audit", "audit.jsonl", "--json"]);
    let audited: Value = serde_json::from_slice(&audited.stdout).unwrap();
    assert_eq!(audited["start"]["run"], "checkpoint");
    assert_eq!(audited["components"][0]["name"], "CheckpointLocator");
    assert!(audited["calls"].as_array().unwrap().iter().any(|call| call["function"] == "tensor"));
    assert_eq!(audited["data"][0]["out"], true);
    assert!(audited["data"][0]["sha256"].is_string());
    // What cannot be read is held back, and the trail says so.
    site.write("model.pt", b"no checkpoint");
    let output = site.output(&["checkpoint", "model.pt", "--audit", "refused.jsonl"]);
    assert_eq!(output.status.code(), Some(6));
    let audited = site.output(&["audit", "refused.jsonl", "--json"]);
    let audited: Value = serde_json::from_slice(&audited.stdout).unwrap();
    assert_eq!(audited["failure"], "invalid-input");
    assert_eq!(audited["data"][0]["refused"], "invalid-input");
}
