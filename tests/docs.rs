//! The book's reference pages say what the code says.

use std::fs;
use std::path::{Path, PathBuf};

use flip_runtime::{Limits, Policy};
use serde_json::json;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src")
}

fn page(name: &str) -> String {
    fs::read_to_string(sources().join(name)).unwrap()
}

#[test]
fn every_limit_stands_in_its_table_with_its_default() {
    let page = page("limits.md");
    let limits = serde_json::to_value(Limits::default()).unwrap();
    let limits = limits.as_object().unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), limits.len(), "a row for each limit, and no other");
    for (name, default) in limits {
        let start = format!("| `{name}` | `");
        let row = rows.iter().find_map(|row| row.strip_prefix(&*start));
        let written = row.and_then(|row| row.split('`').next()).unwrap_or_else(|| panic!("no row {start}"));
        // As somebody would write it into a policy: a count is a number, all else a text.
        let value = written.parse::<u64>().map_or_else(|_| json!(written), |count| json!(count));
        let limit: Limits = serde_json::from_value(json!({ name: value })).unwrap();
        assert_eq!(serde_json::to_value(limit).unwrap()[name], *default, "{name}");
    }
}

#[test]
fn every_key_of_a_policy_has_its_section() {
    let page = page("policy.md");
    let keys = expected("nobody-s = 1");
    assert!(keys.len() > 10);
    for key in &keys {
        assert!(page.contains(&format!("\n## `{key}`\n")), "{key} has no section");
    }
    let sections = page.lines().filter(|line| line.starts_with("## `")).count();
    assert_eq!(sections, keys.len(), "a section for each key, and no other");
}

#[test]
fn every_value_of_a_policy_is_named() {
    let page = page("policy.md");
    for line in [
        "directories = { job = 'nobody-s' }",
        "object-store = ['nobody-s']",
        "hub = ['nobody-s']",
        "peers = ['nobody-s']",
        "wasi = ['nobody-s']",
        "on-filter-failure = 'nobody-s'",
    ] {
        let values = expected(line);
        assert!(!values.is_empty(), "{line}");
        for value in values {
            assert!(page.contains(&format!("`\"{value}\"`")), "{value}, of {line}");
        }
    }
    for root in flip_runtime::services::Root::ALL {
        assert!(page.contains(&format!("| `{root}` |")), "{root}");
    }
}

/// What could stand in the place of what is not known here.
fn expected(line: &str) -> Vec<String> {
    let error = format!("[components.a]\n{line}").parse::<Policy>().unwrap_err().to_string();
    // The unknown name itself comes first.
    error.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
}

#[test]
fn the_policies_of_the_pages_are_policies() {
    for name in ["policy.md", "limits.md", "site.md", "nvflare.md"] {
        let page = page(name);
        let mut blocks = page.split("```toml\n").skip(1).peekable();
        assert!(blocks.peek().is_some(), "{name}");
        for block in blocks {
            let block = block.split("```").next().unwrap();
            let grants =
                if block.contains("[components.") { String::new() } else { "[components.a]\n".to_owned() };
            if let Err(error) = (grants + block).parse::<Policy>() {
                panic!("{name}: {error}");
            }
        }
    }
}

/// mdBook makes an empty block of an anchor that is not there, and says nothing.
#[test]
fn what_the_pages_include_is_there() {
    let mut found = 0;
    let entries = fs::read_dir(sources()).unwrap().map(|entry| entry.unwrap().path());
    for page in entries.filter(|path| path.is_file()) {
        let page = fs::read_to_string(page).unwrap();
        for include in page.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next()) {
            found += 1;
            let (path, anchor) = include.split_once(':').unwrap_or((include, ""));
            let text = fs::read_to_string(sources().join(path)).unwrap();
            let there = match anchor.parse::<usize>() {
                Ok(line) => line <= text.lines().count(),
                Err(_) => {
                    anchor.is_empty()
                        || text.contains(&format!("ANCHOR: {anchor}\n"))
                        || text.contains(&format!("ANCHOR: {anchor} -->"))
                }
            };
            assert!(there, "{include}");
        }
    }
    assert!(found > 10);
}

/// A promise whose test has gone is none.
#[test]
fn the_files_that_security_md_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let named = text.split('`').skip(1).step_by(2);
    let files: Vec<_> = named.filter(|name| name.contains('/') || *name == "fuzz").collect();
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        assert!(root.join(file).exists(), "{file} is gone");
    }
}

/// What may break Rust's rules is read by somebody before it is trusted, and that is one place.
#[test]
fn unsafe_code_is_in_one_module() {
    let kinds = [" {", " fn", " impl", " extern", " trait", "("].map(|kind| ["unsafe", kind].concat());
    let holds_one = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let mut code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        code.any(|line| kinds.iter().any(|kind| line.contains(kind)))
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.clone()];
    let (mut looked_at, mut found) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                // What is built, and what is no part of the project.
                folders.extend(Some(path).filter(|path| {
                    !["target", "node_modules", ".git"].iter().any(|name| path.ends_with(name))
                }));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                looked_at += 1;
                found.extend(Some(path).filter(|path| holds_one(path)));
            }
        }
    }
    assert!(looked_at > 400, "{looked_at} files");
    let raw = root.join("runtime/src/raw");
    assert!(found.len() > 1 && found.iter().all(|path| path.starts_with(&raw)), "{found:?}");
}
