//! What `cargo xtask dist` writes: the runtime's own components, and a layout that registries take.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

use flip_runtime::{BUILTINS, Digest};
use serde_json::Value;
use tempfile::TempDir;
use wit_component::DecodedWasm;

fn dist(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).arg("dist").args(args).current_dir(folder).output().unwrap()
}

/// Both outputs, made once for all tests of a process.
fn made() -> &'static Path {
    static MADE: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = TempDir::new().unwrap();
        let ran = dist(&["--out", "files", "--oci", "layout"], folder.path());
        assert!(ran.status.success(), "{ran:?}");
        folder
    });
    MADE.path()
}

fn entries(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn files_are_what_the_runtime_carries() {
    let files = made().join("files");
    let expected = BUILTINS.iter().map(|builtin| format!("{}.wasm", builtin.name));
    let expected = expected.chain(["SHA256SUMS".to_owned(), "wit".to_owned()]).collect();
    assert_eq!(entries(&files), expected);
    for builtin in BUILTINS {
        let wasm = fs::read(files.join(format!("{}.wasm", builtin.name))).unwrap();
        assert!(wasm == builtin.wasm, "{}", builtin.name);
    }
}

#[test]
fn sums_are_those_of_every_file() {
    let files = made().join("files");
    let sums = fs::read_to_string(files.join("SHA256SUMS")).unwrap();
    let mut summed = BTreeSet::new();
    for line in sums.lines() {
        let (sum, file) = line.split_once("  ").unwrap();
        assert_eq!(sum, Digest::of(&fs::read(files.join(file)).unwrap()).to_string(), "{file}");
        summed.insert(file);
    }
    assert!(summed.contains("percentile-privacy.wasm"));
    assert!(summed.contains("wit/worlds.wit") && summed.contains("wit/deps/clocks/wall-clock.wit"));
    // Where the program is, it agrees.
    if let Ok(checked) =
        Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(files).output()
    {
        assert!(checked.status.success(), "{checked:?}");
    }
}

#[test]
fn every_file_holds_its_own_wit() {
    for builtin in BUILTINS {
        let file = made().join("files").join(format!("{}.wasm", builtin.name));
        let DecodedWasm::Component(resolve, world) = wit_component::decode(&fs::read(file).unwrap()).unwrap()
        else {
            panic!("{} is no component", builtin.name);
        };
        let exports: Vec<_> =
            resolve.worlds[world].exports.keys().map(|key| resolve.name_world_key(key)).collect();
        assert!(exports.contains(&"flip:fl/configurable@0.1.0".to_owned()), "{}: {exports:?}", builtin.name);
        // Down to the functions and their types, without a file of the folder beside it.
        let (_, configurable) =
            resolve.interfaces.iter().find(|(_, i)| i.name.as_deref() == Some("configurable")).unwrap();
        assert_eq!(configurable.functions["configure"].params.len(), 1, "{}", builtin.name);
    }
}

/// The blob that a descriptor names, which is as long as it says and has the digest that it says.
fn blob(descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let bytes = fs::read(made().join("layout/blobs/sha256").join(digest)).unwrap();
    assert_eq!(Digest::of(&bytes).to_string(), digest);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

#[test]
fn the_layout_holds_each_component_as_the_guide_for_wasm_artifacts_says() {
    let layout = made().join("layout");
    assert_eq!(json(&layout.join("oci-layout")), serde_json::json!({ "imageLayoutVersion": "1.0.0" }));
    let index = json(&layout.join("index.json"));
    assert_eq!(index["schemaVersion"], 2);
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    let manifests = index["manifests"].as_array().unwrap();
    assert_eq!(manifests.len(), BUILTINS.len());
    for builtin in BUILTINS {
        let reference = format!("{}:{}", builtin.name, env!("CARGO_PKG_VERSION"));
        let is_it =
            |listed: &&Value| listed["annotations"]["org.opencontainers.image.ref.name"] == *reference;
        let listed = manifests.iter().find(is_it).unwrap();
        assert_eq!(listed["mediaType"], "application/vnd.oci.image.manifest.v1+json");

        let manifest: Value = serde_json::from_slice(&blob(listed)).unwrap();
        assert_eq!(manifest["schemaVersion"], 2);
        assert_eq!(manifest["mediaType"], listed["mediaType"]);
        assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], builtin.name);
        assert_eq!(manifest["annotations"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
        let [layer] = &manifest["layers"].as_array().unwrap()[..] else { panic!("more than one layer") };
        assert_eq!(layer["mediaType"], "application/wasm");
        assert!(blob(layer) == builtin.wasm, "{}", builtin.name);

        assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
        let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
        assert_eq!((&config["architecture"], &config["os"]), (&"wasm".into(), &"wasip2".into()));
        assert_eq!(config["layerDigests"], serde_json::json!([layer["digest"]]));
        let exports = config["component"]["exports"].as_array().unwrap();
        assert!(exports.contains(&"flip:fl/configurable@0.1.0".into()), "{exports:?}");
        assert!(config["component"]["imports"].as_array().unwrap().contains(&"flip:fl/types@0.1.0".into()));
    }
}

/// By a program that knows nothing of this one.
#[test]
#[ignore = "it needs skopeo, which cargo xtask test installs"]
fn skopeo_copies_what_the_layout_holds() {
    for builtin in BUILTINS {
        let to = TempDir::new().unwrap();
        let reference = format!("oci:layout:{}:{}", builtin.name, env!("CARGO_PKG_VERSION"));
        let copy =
            ["--insecure-policy", "copy", "--quiet", &reference, &format!("dir:{}", to.path().display())];
        let copied = Command::new("skopeo").args(copy).current_dir(made()).output().unwrap();
        assert!(copied.status.success(), "{copied:?}");
        let layer = to.path().join(Digest::of(builtin.wasm).to_string());
        assert!(fs::read(layer).unwrap() == builtin.wasm, "{}", builtin.name);
    }
}

#[test]
fn the_same_sources_give_the_same_layout() {
    let again = TempDir::new().unwrap();
    let ran = dist(&["--out", "files", "--oci", "layout"], again.path());
    assert!(ran.status.success(), "{ran:?}");
    let index = |folder: &Path| fs::read(folder.join("layout/index.json")).unwrap();
    assert_eq!(index(again.path()), index(made()));
    // Nothing of their making is left.
    assert_eq!(entries(again.path()), BTreeSet::from(["files".to_owned(), "layout".to_owned()]));
}

#[test]
fn what_is_there_already_stays_and_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let taken = folder.path().join("layout");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("of-someone"), "").unwrap();
    let ran = dist(&["--out", "files", "--oci", "layout"], folder.path());
    assert!(!ran.status.success());
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("layout is there already, and no empty folder"), "{said}");
    assert_eq!(entries(folder.path()), BTreeSet::from(["layout".to_owned()]));
    assert_eq!(entries(&taken), BTreeSet::from(["of-someone".to_owned()]));
    let ran = dist(&["--out"], folder.path());
    assert!(String::from_utf8(ran.stderr).unwrap().contains("--out needs a folder"));
}
