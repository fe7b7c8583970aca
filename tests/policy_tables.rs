//! Every refusal names the table of the policy that is in force, where its line changes something.

use std::path::Path;
use std::sync::Arc;

use flip_runtime::{Admitted, Policy, RecordedLog, Source};
use flip_wasm_tests::{ERRAND, MISBEHAVING_FILTER, Site, context, lines, on_go, runtime, update};
use serde_json::json;

/// A component as the policy has it, of this file and this id in the job.
fn admitted(path: &Path, wasm: &[u8], id: &str, policy: &str) -> Admitted {
    std::fs::write(path, wasm).unwrap();
    let policy: Policy = policy.parse().unwrap();
    runtime().admit(&Source::File(path.to_owned()), id, &policy, None).unwrap()
}

/// What a component is told of this file and this id that opens a directory.
fn told(stem: &str, id: &str, policy: &str) -> String {
    let site = Site::granting("");
    let admitted = admitted(&site.path(&format!("{stem}.wasm")), ERRAND, id, policy);
    let log = Arc::new(RecordedLog::default());
    let builder = admitted.instance().args(on_go(json!([{"open": "job"}])));
    let mut runner = builder.services(site.services.clone()).log(log.clone()).build().unwrap();
    runner.handle_event("go", &context()).unwrap();
    lines(&log).remove(0)
}

#[test]
fn a_refused_call_named_a_table_that_was_not_in_force() {
    const BUILTIN: &str = "PercentilePrivacy";
    let line = r#"directories = { job = "read" }"#;
    for (stem, id, tables, named) in [
        ("its-file", "its-id", &["its-id"][..], "its-id"),
        ("its-file", "its-id", &["its-file"], "its-file"),
        ("its-file", "its-id", &["its-file", "its-id"], "its-id"),
        ("its-file", "its-id", &[], "its-file"),
        // A built-in component's table is for no file.
        (BUILTIN, "its-id", &[], "its-id"),
        (BUILTIN, "its-id", &[BUILTIN], "its-id"),
        ("its-file", BUILTIN, &[BUILTIN], "its-file"),
    ] {
        let policy = |granted: &str| {
            let others = tables.iter().filter(|table| **table != named);
            let others = others.map(|table| format!("[components.{table}]\n")).collect::<String>();
            format!("{others}[components.{named}]\n{granted}\n")
        };
        let before = tables.iter().map(|table| format!("[components.{table}]\n")).collect::<String>();
        let refused = format!("not permitted: {line} under [components.{named}]");
        assert_eq!(told(stem, id, &before), refused, "{tables:?}");
        assert_eq!(told(stem, id, &policy(line)), "ok", "{tables:?}");
    }
}

#[test]
fn limits_withheld_imports_and_changes_named_a_table_that_was_not_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("its-file.wasm");
    let by_id = |wasm: &[u8], lines: &str| {
        admitted(&path, wasm, "its-id", &format!("[components.its-id]\n{lines}")).instance()
    };

    let late = by_id(ERRAND, "limits = { total-time = \"0s\" }").build().err().unwrap();
    let set_by = "a policy's line limits = { total-time = ... } under [components.its-id] sets it";
    assert_eq!(late.to_string(), format!("its-file: limit total-time reached: 0s allowed; {set_by}"));

    let seeded = r#"(component (import "wasi:random/insecure-seed@0.2.6" (instance
        (export "insecure-seed" (func (result (tuple u64 u64)))))))"#;
    let withheld = by_id(&wat::parse_str(seeded).unwrap(), "wasi = []").build().err().unwrap();
    let line = r#"wasi = ["random"] under [components.its-id]"#;
    assert_eq!(withheld.to_string(), format!("its-file: not permitted: {line}"));

    let reshaping = |lines: &str| {
        let filter = by_id(MISBEHAVING_FILTER, lines).args(r#"{"deed": "reshape"}"#);
        filter.build().unwrap().filter(update(), &context())
    };
    let refused = reshaping(r#"may-change = ["names"]"#).err().unwrap().to_string();
    let line = r#"may-change = ["names", "shapes"]"#;
    assert!(refused.ends_with(&format!("not permitted: {line} under [components.its-id]")), "{refused}");
    assert!(reshaping(line).is_ok());
}
