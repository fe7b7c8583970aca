//! Paths that a job's author has written into its configuration: none leads out of the job's folders.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::job_config::{FILTER, assert_names, refused};
use flip_runtime::Digest;
use flip_runtime::job::JobConfig;
use flip_wasm_tests::MISBEHAVING_FILTER;
use flip_wasm_tests::job::{CLIENT, StandardJob};

/// Its digest, and whether it is there, are nothing that the job's author is told.
#[test]
pub fn a_component_outside_of_the_jobs_folder_is_not_looked_at() {
    let job = StandardJob::new();
    let config = job.text(CLIENT);
    job.write("outside.wasm", MISBEHAVING_FILTER);
    job.write("job/guest.wasm", MISBEHAVING_FILTER);
    std::fs::create_dir(job.path("job/folder")).unwrap();
    let link = |target: &Path, name: &str| {
        symlink(target, job.path("job").join(name)).unwrap();
    };
    link(&job.path("outside.wasm"), "straight.wasm");
    link("../outside.wasm".as_ref(), "relative.wasm");
    link("../gone.wasm".as_ref(), "dangling.wasm");
    link("..".as_ref(), "above");
    link("guest.wasm".as_ref(), "inside.wasm");
    let entry = |path: &str| {
        let pinned = format!(r#""path": "wasm:{path}", "sha256": "{}""#, "0".repeat(64));
        job.write(CLIENT, config.replace(FILTER, &pinned));
        refused(&job)
    };
    let absolute = job.path("outside.wasm").display().to_string();
    let inside = job.path("job/guest.wasm").display().to_string();
    let gone = job.path("gone.wasm").display().to_string();
    for path in [
        &absolute,
        &inside,
        &gone,
        "../outside.wasm",
        "../gone.wasm",
        "folder/../../outside.wasm",
        "straight.wasm",
        "relative.wasm",
        "dangling.wasm",
        "above/outside.wasm",
        "above/gone.wasm",
    ] {
        let why = format!(r#"key "path": {path}: it leads out of the job's folder"#);
        let text = entry(path);
        assert_names(&text, &[r#""percentile_privacy""#, &why]);
        assert!(!text.contains("digest"), "{text}");
    }
    let digest = Digest::of(MISBEHAVING_FILTER).to_string();
    for path in ["guest.wasm", "./guest.wasm", "folder/../guest.wasm", "inside.wasm"] {
        assert_names(&entry(path), &[r#"key "sha256""#, &digest]);
    }
}

#[test]
pub fn a_folder_of_models_outside_of_the_apps_is_refused() {
    let job = StandardJob::new();
    for folder in ["..", "../other", "model/../..", "/", "/tmp", r"model\u0000"] {
        job.write("job/environment.json", format!(r#"{{"APP_CKPT_DIR": "{folder}"}}"#));
        assert_names(
            &refused(&job),
            &["environment.json: ", r#"key "APP_CKPT_DIR""#, "is no folder in the app's"],
        );
    }
    for folder in ["", ".", "./model/"] {
        job.write("job/environment.json", format!(r#"{{"APP_CKPT_DIR": "{folder}"}}"#));
        JobConfig::read(&job.path("job")).unwrap();
    }
}
