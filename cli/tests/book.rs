//! The book's case files pass, and its reference of them is whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Site, shown};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

#[test]
fn the_case_files_of_the_book_pass() {
    let site = Site::new();
    let mut found = 0;
    for entry in fs::read_dir(docs().join("cases")).unwrap() {
        let path = entry.unwrap().path();
        // Each is called as the built-in component that it is for.
        let component = path.file_stem().unwrap().to_str().unwrap();
        let output = site.output(&["test", component, path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        found += 1;
    }
    assert!(found > 0);
}

#[test]
fn every_key_of_a_case_file_stands_in_the_book() {
    let page = fs::read_to_string(docs().join("src/cases.md")).unwrap();
    let site = Site::new();
    for case in [
        "nobody-s: 1",
        "context: {nobody-s: 1}",
        "after: {nobody-s: 1}",
        "peers: {a: {nobody-s: 1}}",
        "calls: [{nobody-s: 1}]",
        "calls: [{persist: nobody-s}]",
        "calls: [{gives: nobody-s}]",
        "calls: [{gives: {error: {nobody-s: 1}}}]",
        "calls: [{filter: {nobody-s: 1}}]",
        "calls: [{filter: {tensors: {a: {nobody-s: 1}}}}]",
        "calls: [{execute: {task: a, data: {nobody-s: 1}}}]",
    ] {
        site.write("cases.yaml", format!("cases: [{{name: a, {case}}}]\n").as_bytes());
        let output = site.output(&["test", "percentile-privacy", "cases.yaml"]);
        assert_eq!(output.status.code(), Some(6), "{case}: {}", shown(&output));
        let error = String::from_utf8(output.stderr).unwrap();
        let known = error.split("expected one of ").nth(1).and_then(|known| known.lines().next());
        let known = known.unwrap_or_else(|| panic!("{case}: {error}"));
        for name in known.split(", ") {
            let name = name.trim_matches('`');
            assert!(page.contains(&format!("`{name}`")), "{name}, of {case}, is not on the page");
        }
    }
}
