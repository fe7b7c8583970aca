//! The files of a new project, which the program carries. `templates/README.md` says how they lie.

use std::collections::BTreeMap;

use heck::{ToPascalCase, ToSnakeCase};
use rust_embed::Embed;

use super::{Lang, MANIFEST, Role};

#[derive(Embed)]
#[folder = "templates"]
struct Templates;

/// The contract.
#[derive(Embed)]
#[folder = "../wit"]
struct Wit;

/// The sdk for Rust, which no registry has.
#[derive(Embed)]
#[folder = "../components/sdk"]
struct Sdk;

/// The versions that the sdk was tested with; cargo drops from it what a project does not use.
const CARGO_LOCK: &str = include_str!("../../../Cargo.lock");
const RUST_TOOLCHAIN: &str = include_str!("../../../rust-toolchain.toml");

/// The files by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Everything that a new project consists of.
pub fn files(name: &str, role: Role, lang: Lang) -> Files {
    let mut files = Files::new();
    for layer in [
        format!("roles/{}/", role.name()),
        format!("{}/base/", lang.name()),
        format!("{}/{}/", lang.name(), role.name()),
    ] {
        files.extend(embedded::<Templates>(&layer).map(|(path, bytes)| (path, named(bytes, name))));
    }
    // What it does, and how one works with it.
    for (_, more) in embedded::<Templates>(&format!("{}/README.md", lang.name())) {
        files.entry("README.md".to_owned()).or_default().extend(named(more, name));
    }
    files.insert(MANIFEST.to_owned(), manifest(name, role, lang).into_bytes());
    files.extend(embedded::<Wit>("").map(|(path, bytes)| (format!("wit/{path}"), bytes)));
    if lang == Lang::Rust {
        files.extend(embedded::<Sdk>("").map(|(path, bytes)| (format!("sdk/{path}"), beside_wit(bytes))));
        files.insert("Cargo.lock".to_owned(), CARGO_LOCK.into());
        files.insert("rust-toolchain.toml".to_owned(), RUST_TOOLCHAIN.into());
    }
    files
}

/// The embedded files whose paths start so, by the rest of the path.
fn embedded<E: Embed>(prefix: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    E::iter().filter_map(move |path| {
        let rest = path.strip_prefix(prefix)?.to_owned();
        Some((rest, E::get(&path)?.data.into_owned()))
    })
}

fn manifest(name: &str, role: Role, lang: Lang) -> String {
    let (role, lang) = (role.name(), lang.name());
    format!("# Tells flip-wasm what this is.\nname = \"{name}\"\nrole = \"{role}\"\nlang = \"{lang}\"\n")
}

/// The project's name in the place of the templates' one.
fn named(bytes: Vec<u8>, name: &str) -> Vec<u8> {
    let names = [
        ("my-component", name.to_owned()),
        ("my_component", name.to_snake_case()),
        ("MyComponent", name.to_pascal_case()),
    ];
    replaced(bytes, &names)
}

/// In the repository, the contract lies one folder farther away.
fn beside_wit(bytes: Vec<u8>) -> Vec<u8> {
    replaced(bytes, &[("\"../../wit\"", "\"../wit\"".to_owned())])
}

fn replaced(bytes: Vec<u8>, replacements: &[(&str, String)]) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => {
            let replace = |text: String, (from, to): &(&str, String)| text.replace(from, to);
            replacements.iter().fold(text, replace).into_bytes()
        }
        Err(error) => error.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    fn text(files: &Files, path: &str) -> String {
        String::from_utf8(files[path].clone()).unwrap()
    }

    #[test]
    fn every_role_in_every_language_has_its_files_and_its_name() {
        for &role in Role::value_variants() {
            for &lang in Lang::value_variants() {
                let files = files("a-b2", role, lang);
                for path in ["README.md", "cases.yaml", "flip.toml", ".gitignore", "wit/worlds.wit"] {
                    assert!(files.contains_key(path), "{role:?} {lang:?} {path}");
                }
                // A comment of the contract names a world so.
                for (path, bytes) in files.iter().filter(|(path, _)| !path.starts_with("wit/")) {
                    let text = String::from_utf8_lossy(bytes);
                    let left = ["my-component", "my_component", "MyComponent"];
                    assert!(!left.iter().any(|name| text.contains(name)), "{role:?} {lang:?} {path}");
                }
                let readme = text(&files, "README.md");
                assert!(readme.starts_with("# a-b2\n"), "{role:?} {lang:?}: {readme}");
                assert!(readme.lines().count() <= 60, "{role:?} {lang:?}: more than one screen");
            }
        }
    }

    #[test]
    fn a_rust_project_has_the_versions_of_this_workspace() {
        let parse = |text: &str| text.parse::<toml::Table>().unwrap();
        let project = parse(&text(&files("a", Role::Executor, Lang::Rust), "Cargo.toml"));
        let ours = parse(include_str!("../../../Cargo.toml"));
        for (name, version) in project["workspace"]["dependencies"].as_table().unwrap() {
            assert_eq!(version, &ours["workspace"]["dependencies"][name], "{name}");
        }
        for key in ["edition", "rust-version"] {
            assert_eq!(project["workspace"]["package"][key], ours["workspace"]["package"][key]);
        }
    }

    #[test]
    fn the_sdk_finds_the_contract_in_the_project() {
        let files = files("a", Role::Executor, Lang::Rust);
        assert!(text(&files, "sdk/src/bindings.rs").contains("path: \"../wit\""));
        let lost = files.values().any(|bytes| String::from_utf8_lossy(bytes).contains("../../wit"));
        assert!(!lost);
    }
}
