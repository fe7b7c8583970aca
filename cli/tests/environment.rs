//! The variables of an operator's environment file.

use std::path::Path;
use std::process::Command;

use crate::support::PROGRAM;

const VARIABLES: [&str; 7] = [
    "LOCAL_DEV",
    "NET_ID",
    "IMAGES_DIR",
    "UPLOADED_FEDERATED_DATA_BUCKET",
    "FLIP_API_INTERNAL_URL",
    "INTERNAL_SERVICE_KEY",
    "INTERNAL_SERVICE_KEY_HEADER",
];

#[test]
fn a_variable_that_is_empty_counts_as_not_set() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir(path("job")).unwrap();
    for config in ["config_fed_server.json", "config_fed_client.json"] {
        std::fs::write(path("job").join(config), "{}").unwrap();
    }
    let header = r#"{"trace": 1, "job_id": "j", "server": "s", "sites": []}"#;
    std::fs::write(path("trace.jsonl"), header).unwrap();
    let output = Command::new(PROGRAM)
        .args(["run", "job", "--trace", "trace.jsonl", "--workspace", "workspace", "--report", "report.json"])
        .current_dir(directory.path())
        .env("FLIP_WASM_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .envs(VARIABLES.map(|variable| (variable, "")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path("report.json")).unwrap()).unwrap();
    assert_eq!(report["local-dev"], false);
}
