//! The cases of each built-in component, in `components/`, pass.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod support;

use std::path::Path;

use flip_runtime::BUILTINS;
use support::{Site, shown};

#[test]
fn every_builtin_component_has_cases_and_passes_them() {
    let components = Path::new(env!("CARGO_MANIFEST_DIR")).join("../components");
    let site = Site::new();
    let mut failed = Vec::new();
    for builtin in BUILTINS {
        let cases = components.join(builtin.name).join("cases.yaml");
        let output = site.output(&["test", builtin.name, cases.to_str().unwrap()]);
        if output.status.code() != Some(0) {
            failed.push(format!("{}: {}", builtin.name, shown(&output)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
