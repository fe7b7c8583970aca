//! `flip-wasm new` and `flip-wasm build`, as far as no language's tools are needed: `cargo xtask test` builds
//! a project of every role in every language.

use std::fs;

use crate::support::{Site, shown};

#[test]
fn the_help_of_new_and_build() {
    snapshot!(Site::new().run(&["new", "--help"]));
    snapshot!(Site::new().run(&["build", "--help"]));
}

#[test]
fn a_new_project_is_there_whole() {
    let site = Site::new();
    snapshot!(site.run(&["new", "my-filter", "--role", "dxo-filter", "--lang", "c"]));
    assert_eq!(site.files(), ["my-filter", "update.safetensors"]);
    let project = Site::at(site.path("my-filter"));
    let files = [".gitignore", "Makefile", "README.md", "cases.yaml", "flip.toml", "src", "test", "wit"];
    assert_eq!(project.files(), files);
    snapshot!(fs::read_to_string(project.path("flip.toml")).unwrap());
}

#[test]
fn a_project_in_rust_brings_the_sdk() {
    let site = Site::new();
    assert!(
        site.run(&["new", "my-filter", "--role", "executor", "-q"])
            .starts_with("exit code 0\n--- stdout\n---")
    );
    let project = Site::at(site.path("my-filter"));
    let files = [
        ".cargo",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "cases.yaml",
        "flip.toml",
        "rust-toolchain.toml",
        "sdk",
        "src",
        "wit",
    ];
    assert_eq!(project.files(), files);
}

#[test]
fn a_new_project_that_cannot_be() {
    let site = Site::new();
    snapshot!(site.run(&["new", "My_Filter", "--role", "dxo-filter"]));
    snapshot!(site.run(&["new", "my-filter", "--role", "filter"]));
    snapshot!(site.run(&["new", "my-filter"]));
    fs::create_dir(site.path("my-filter")).unwrap();
    snapshot!(site.run(&["new", "my-filter", "--role", "dxo-filter"]));
    assert_eq!(site.files(), ["my-filter", "update.safetensors"]);
    assert!(Site::at(site.path("my-filter")).files().is_empty());
}

#[test]
fn what_is_no_project_is_not_built() {
    let site = Site::new();
    snapshot!(site.run(&["build"]));
    site.write("flip.toml", b"name = \"a\"\nrole = \"dxo-filter\"\nlang = \"cobol\"\n");
    snapshot!(site.run(&["build"]));
    site.write("flip.toml", b"name = \"../a\"\nrole = \"dxo-filter\"\nlang = \"c\"\n");
    snapshot!(site.run(&["build"]));
}

#[test]
fn a_missing_tool_is_told_with_how_to_install_it() {
    let site = Site::new();
    for lang in ["rust", "python", "javascript", "c"] {
        let name = format!("in-{lang}");
        site.run(&["new", &name, "--role", "executor", "--lang", lang]);
        let output = site.output_with(&["build", &name], &[("PATH", "/nowhere")]);
        insta::with_settings!({ filters => crate::support::FILTERS, omit_expression => true, snapshot_suffix => lang }, {
            insta::assert_snapshot!(shown(&output))
        });
        assert!(!site.path(&name).join(format!("{name}.wasm")).exists());
    }
}

/// A folder with programs of these names, which are scripts.
fn programs(site: &Site, scripts: &[(&str, &str)]) -> String {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(site.path("bin")).unwrap();
    for (name, script) in scripts {
        let path = site.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    site.path("bin").display().to_string()
}

#[test]
fn a_toolchain_without_the_target_of_components_is_told_with_how_to_add_it() {
    let site = Site::new();
    site.run(&["new", "in-rust", "--role", "executor"]);
    let path = programs(&site, &[("rustc", "echo /nowhere/lib"), ("cargo", "exit 9")]);
    let error =
        String::from_utf8(site.output_with(&["build", "in-rust"], &[("PATH", &path)]).stderr).unwrap();
    assert!(error.contains("rustup target add wasm32-unknown-unknown"), "{error}");
}

#[test]
fn what_clang_lacks_is_named_by_the_version_of_clang() {
    let site = Site::new();
    site.run(&["new", "in-c", "--role", "executor", "--lang", "c"]);
    let path = programs(&site, &[("clang", "echo 19.1.7")]);
    let error = String::from_utf8(site.output_with(&["build", "in-c"], &[("PATH", &path)]).stderr).unwrap();
    assert!(error.contains("apt-get install clang lld wasi-libc libclang-rt-19-dev-wasm32"), "{error}");
}
