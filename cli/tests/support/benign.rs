//! What a benign component answers where something hostile has been: the same as ever.

use std::fs;
use std::path::Path;

use flip_runtime::safetensors::{self, Overrides};
use flip_wasm_tests::ERRAND;
use serde_json::json;

use super::jobs::Ran;
use super::{ARGS, Site, fixtures, shown};

/// Of a filter, and of a component of a job where there is a workspace.
pub fn assert_right(site: &Site) {
    assert_filters(site);
    if site.path("workspace").is_dir() {
        assert_runs(site);
    }
}

/// The recorded update becomes what it became when it was recorded.
fn assert_filters(site: &Site) {
    // Of its own: the attack may have changed the files of the site.
    let folder = tempfile::tempdir().unwrap();
    let recorded = fixtures().join("standard-job");
    let (input, out) =
        (recorded.join("tensors/site-1_round-0.safetensors"), folder.path().join("out.safetensors"));
    let filter = ["filter", "percentile-privacy", "--args", ARGS];
    let files = ["--in", input.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let output = site.output(&[&filter[..], &files].concat());
    assert_eq!(output.status.code(), Some(0), "afterwards a benign filter failed: {}", shown(&output));
    let tensors = |path: &Path| {
        let file = safetensors::open(path, Overrides::default()).unwrap();
        file.dxo.tensors().unwrap().values().map(|tensor| tensor.to_bytes().unwrap()).collect::<Vec<_>>()
    };
    let expected = tensors(&recorded.join("expected/filtered/site-1_round-0.safetensors"));
    assert!(tensors(&out) == expected, "afterwards a benign filter let something else out");
}

/// A job of its own in the same workspace, which is taken away again.
fn assert_runs(site: &Site) {
    let folder = tempfile::tempdir().unwrap();
    let job = folder.path().join("job");
    fs::create_dir(&job).unwrap();
    fs::write(job.join("benign.wasm"), ERRAND).unwrap();
    let asked = json!([{"write": ["job", "kept", "right"]}, {"read": ["job", "kept", 0, 9]}]);
    let component = json!({"id": "benign", "path": "wasm:benign.wasm", "args": {"on": {"go": asked}}});
    let server = json!({"format_version": 2, "components": [component]});
    fs::write(job.join("config_fed_server.json"), server.to_string()).unwrap();
    fs::write(job.join("config_fed_client.json"), "{}").unwrap();
    let policy = "[components.benign]\ndirectories = { job = \"read-write\" }\n";
    fs::write(folder.path().join("policy.toml"), policy).unwrap();
    let header = json!({"trace": 1, "job_id": "benign", "server": "server", "sites": []});
    let event = json!({"seq": 0, "at": "server", "event": "go", "props": {}});
    fs::write(folder.path().join("trace.jsonl"), format!("{header}\n{event}\n")).unwrap();
    let run_folder = site.path("workspace/server/benign");
    fs::create_dir_all(&run_folder).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (job, trace, policy) = (path("job"), path("trace.jsonl"), path("policy.toml"));
    let args = ["run", &job, "--trace", &trace, "--policy", &policy, "--workspace", "workspace"];
    let ran = Ran::of(site.output(&args));
    ran.assert_code(0);
    assert_eq!(ran.told("benign"), ["ok", "ok \"right\""], "afterwards, of a benign component: {}", ran.log);
    fs::remove_dir_all(run_folder).unwrap();
}
