//! Files that are no components any more, through `flip-wasm inspect` and `flip-wasm filter`.

use std::process::Output;

use crate::support::jobs::{Job, RUN, Ran};
use crate::support::{Site, shown};
use flip_wasm_tests::hostile::{loading, shapes};
use flip_wasm_tests::{ERRAND, EVERYTHING, MISBEHAVING_FILTER};
use serde_json::json;

fn inspect(site: &Site, wasm: &[u8]) -> Output {
    site.write("guest.wasm", wasm);
    site.output(&["inspect", "guest.wasm", "--json"])
}

fn filter(site: &Site, cache: &str) -> Output {
    let _ = std::fs::remove_file(site.path("out.safetensors"));
    let limits = "call-time=1s,memory=8MiB,compile-time=20s";
    let args = ["filter", "guest.wasm", "--in", "update.safetensors", "--out", "out.safetensors"];
    site.output(&[&args[..], &["--limits", limits, "--cache", cache]].concat())
}

/// The exit code of what is said in the program's own words: a panic has neither.
#[track_caller]
fn code(output: &Output) -> i32 {
    let text = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().unwrap_or_else(|| panic!("a signal ended it: {text}"));
    let lines = || text.lines().filter(|line| line.starts_with("error: "));
    assert!(code == 0 || lines().count() == 1, "exit code {code}: {text}");
    assert!(!text.contains("panicked") && !text.contains('\u{1b}'), "{text}");
    code
}

#[test]
fn a_component_cut_off_anywhere_is_refused() {
    let site = Site::new().hostile();
    let shell = loading::shell();
    for wasm in [&shell[..], MISBEHAVING_FILTER, ERRAND] {
        assert_eq!(inspect(&site, wasm).status.code(), Some(0));
        for end in (0..wasm.len()).step_by(wasm.len() / 200) {
            let output = inspect(&site, &wasm[..end]);
            // Between two of the last sections it is one without its role.
            let without_role = String::from_utf8_lossy(&output.stdout).contains("\"roles\": []");
            assert!(code(&output) == 6 || without_role, "cut off at {end}: {}", shown(&output));
        }
    }
    let before = site.files();
    for end in (0..shell.len()).step_by(shell.len() / 20) {
        site.write("guest.wasm", &shell[..end]);
        let output = filter(&site, "cache");
        assert_eq!(code(&output), 6, "cut off at {end}: {}", shown(&output));
    }
    let mut left = site.files();
    left.retain(|name| name != "cache");
    assert_eq!(left, before);
}

#[test]
fn a_component_with_a_bit_flipped_is_refused_or_runs() {
    let site = Site::new().hostile();
    let shell = loading::shell();
    let bits = shell.len() * 8;
    let mut read = 0;
    // Of 997 bits each time another one of its byte.
    for bit in (0..bits).step_by(997) {
        let output = inspect(&site, &shapes::flipped(&shell, bit));
        let code = code(&output);
        assert!(code == 0 || code == 6, "bit {bit}: {}", shown(&output));
        read += usize::from(code == 0);
    }
    assert!(read < bits / 997 / 2, "{read} of {} were read", bits / 997);
    for bit in (0..bits).step_by(bits / 40) {
        site.write("guest.wasm", &shapes::flipped(&shell, bit));
        let output = filter(&site, "cache");
        let code = code(&output);
        assert!([0, 3, 5, 6].contains(&code), "bit {bit}: {}", shown(&output));
        let out = site.files().contains(&"out.safetensors".to_owned());
        assert_eq!(out, code == 0, "bit {bit}: {}", shown(&output));
    }
}

#[test]
fn a_file_of_500_mb_is_refused() {
    let site = Site::new().hostile();
    std::fs::File::create(site.path("guest.wasm")).unwrap().set_len(500 << 20).unwrap();
    let before = site.files();
    for output in [site.output(&["inspect", "guest.wasm"]), filter(&site, "cache")] {
        assert_eq!(code(&output), 6, "{}", shown(&output));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("larger than a component may be (limit component-size"), "{text}");
    }
    let mut left = site.files();
    left.retain(|name| name != "cache");
    assert_eq!(left, before);
}

#[test]
fn a_component_that_is_not_the_one_that_was_pinned_does_not_run() {
    let wrong = "0".repeat(64);
    let run = |config: &str, policy: &str| {
        let job = Job::new().event("go");
        job.write("job/guest.wasm", ERRAND);
        job.write_down();
        let component = format!(
            r#"{{"id": "guest", "path": "wasm:guest.wasm"{config}, "args": {{"on": {{"go": [{{"say": "ran"}}]}}}}}}"#
        );
        job.write(
            "job/config_fed_server.json",
            format!(r#"{{"format_version": 2, "components": [{component}]}}"#),
        );
        job.write("policy.toml", format!("[components.guest]\n{policy}\n"));
        Ran::of(job.site.output(&RUN))
    };
    let asked = format!(r#", "sha256": "{wrong}""#);
    for (ran, who) in [
        (run(&asked, ""), "the configuration asks for"),
        (run("", &format!("sha256 = \"{wrong}\"")), "the policy asks for"),
    ] {
        ran.assert_code(6);
        assert!(ran.log.contains(who) && ran.log.contains(&wrong), "{}", ran.log);
        assert!(ran.told("guest").is_empty(), "{}", ran.log);
    }
    let ran = run("", "");
    ran.assert_code(0);
    assert_eq!(ran.told("guest"), ["ran"]);
}

/// Its author would be told the digest of any file, or whether there is one.
#[test]
fn a_component_outside_of_the_jobs_folder_is_not_looked_at() {
    let job = Job::new().event("go");
    job.write_down();
    job.write("outside.wasm", ERRAND);
    std::os::unix::fs::symlink("../outside.wasm", job.path("job/link.wasm")).unwrap();
    std::os::unix::fs::symlink("../gone.wasm", job.path("job/dangling.wasm")).unwrap();
    let absolute = job.path("outside.wasm").display().to_string();
    for path in ["../outside.wasm", "../gone.wasm", &absolute, "link.wasm", "dangling.wasm"] {
        let guest = json!({"id": "guest", "path": format!("wasm:{path}"), "sha256": "0".repeat(64)});
        job.write("job/config_fed_server.json", json!({"components": [guest]}).to_string());
        let ran = Ran::of(job.site.output(&RUN));
        ran.assert_code(6);
        assert!(ran.log.contains(&format!("{path}: it leads out of the job's folder")), "{}", ran.log);
        assert!(!ran.log.contains("digest"), "{}", ran.log);
    }
}

#[test]
fn a_folder_of_models_outside_of_the_apps_is_refused() {
    let models = "nvflare.app_opt.pt.file_model_persistor.PTFileModelPersistor";
    let job = Job::new().on("asking", EVERYTHING, &json!({"go": [{"model-inventory": "models"}]}));
    let job = job.builtin("models", models, &json!({})).event("go");
    job.write_down();
    let app = job.path("workspace/server/job-1/app_server");
    for folder in [job.path("outside"), app.join("model")] {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("FL_global_model.pt"), "").unwrap();
    }
    std::os::unix::fs::symlink(job.path("outside"), app.join("link")).unwrap();
    let run = |folder: &str| {
        job.write("job/environment.json", json!({"APP_CKPT_DIR": folder}).to_string());
        Ran::of(job.site.output(&RUN))
    };
    let absolute = job.path("outside").display().to_string();
    for folder in ["../../../../outside", &absolute, "..", "model/../.."] {
        let ran = run(folder);
        ran.assert_code(6);
        assert!(ran.log.contains("environment.json: key \"APP_CKPT_DIR\": "), "{}", ran.log);
    }
    assert_eq!(run("link").told("asking"), ["ok []"]);
    let found = r#"ok [("FL_global_model.pt", "app_server/model/FL_global_model.pt")]"#;
    assert_eq!(run("model").told("asking"), [found]);
}
