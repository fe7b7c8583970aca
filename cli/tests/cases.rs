//! The cases of each built-in component, in `components/`, pass.

use std::path::Path;

use crate::support::{Site, shown};
use flip_runtime::BUILTINS;

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
