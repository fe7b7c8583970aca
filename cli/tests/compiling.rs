//! Components that nobody has reviewed are compiled in a process of their own.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::support::Site;
use crate::support::jobs::{Job, RUN};
use flip_wasm_tests::hostile::shapes::{functions, growing_types, instances, jumps};
use flip_wasm_tests::{MISBEHAVING_FILTER, slow_to_compile};
use serde_json::json;

fn filter(site: &Site, limits: &str, cache: &str) -> (i32, String) {
    let args = [
        "filter",
        "guest.wasm",
        "--in",
        "update.safetensors",
        "--out",
        "out.safetensors",
        "--limits",
        limits,
        "--args",
        r#"{"deed": "zero"}"#,
        "--cache",
        cache,
    ];
    let output = site.output(&args);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_component_is_compiled_by_another_process_and_then_cached() {
    let site = Site::new();
    site.write("guest.wasm", MISBEHAVING_FILTER);
    for limits in ["compile-memory=4GiB", "compile-memory=1MiB"] {
        let (code, text) = filter(&site, limits, "cache");
        assert_eq!(code, 0, "{text}");
    }
    let (code, text) = filter(&site, "compile-memory=1MiB", "another-cache");
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("limit compile-memory reached: 1.0 MiB allowed"), "{text}");
}

#[test]
fn compile_time_ends_the_process() {
    let site = Site::new().hostile();
    site.write("guest.wasm", &slow_to_compile(300));
    let (code, text) = filter(&site, "compile-time=300ms", "cache");
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("limit compile-time reached: 300ms allowed"), "{text}");
    assert!(!site.files().contains(&"out.safetensors".to_owned()));
}

#[test]
fn compile_memory_ends_the_process() {
    let site = Site::new().hostile();
    site.write("guest.wasm", &slow_to_compile(300));
    let (code, text) = filter(&site, "compile-memory=1GiB", "cache");
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("limit compile-memory reached: 1.0 GiB allowed"), "{text}");
}

#[test]
fn a_million_functions_end_at_their_limit() {
    let site = Site::new().hostile();
    site.write("guest.wasm", &functions(1_000_000));
    let (code, text) = filter(&site, "compile-time=500ms", "cache");
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("limit compile-time reached: 500ms allowed"), "{text}");
}

#[test]
fn tables_of_jumps_end_at_their_limit() {
    let site = Site::new().hostile();
    site.write("guest.wasm", &jumps(80, 128 << 10));
    let (code, text) = filter(&site, "compile-time=500ms", "cache");
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("limit compile-time reached: 500ms allowed"), "{text}");
}

/// The processes that work in the folder of the site: the program, and the one that compiles for it.
fn processes(site: &Site) -> Vec<PathBuf> {
    let folder = site.path("").canonicalize().unwrap();
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter(|path| fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == folder)).collect()
}

/// One after the other, each given up: by a filter, and by a job.
#[test]
fn compilations_that_were_given_up_leave_no_process() {
    let limits = "limits = { compile-time = \"300ms\" }";
    let job = Job::new().with("slow", &slow_to_compile(300), limits, &json!({})).event("go");
    job.write_down();
    job.write("guest.wasm", slow_to_compile(300));
    let site = &job.site;
    let filter = ["filter", "guest.wasm", "--in", "update.safetensors", "--out", "out.safetensors"];
    let filter = [&filter[..], &["--limits", "compile-time=300ms"]].concat();
    for args in [&filter[..], &RUN, &filter, &RUN] {
        let mut child = site.start(args);
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            most = most.max(processes(site).len());
            thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{text}");
        assert!(text.contains("limit compile-time reached: 300ms allowed"), "{text}");
        // Never more than one compiled, and it ended before the program did.
        assert!(most <= 2 && processes(site).is_empty(), "{most}, {:?}: {text}", processes(site));
    }
}

#[test]
fn what_is_no_component_is_said_as_ever() {
    let site = Site::new();
    let broken = wat::parse_str("(component (core module (func (result i32))))").unwrap();
    site.write("guest.wasm", &broken);
    let (code, text) = filter(&site, "compile-time=1m", "cache");
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("it cannot be compiled: "), "{text}");
}

#[test]
fn a_component_that_is_only_inspected_took_gigabytes() {
    let site = Site::new().hostile();
    for wasm in [instances(1_200, 400), instances(20_000, 999)] {
        site.write("guest.wasm", &wasm);
        let output = site.output(&["inspect", "guest.wasm"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{text}");
        assert!(text.contains("reading it takes too much memory"), "{text}");
    }
    // What no reckoning foresees, the process is bounded for; others are read within as much.
    site.write("guest.wasm", MISBEHAVING_FILTER);
    let (code, text) = filter(&site, "compile-memory=256MiB", "cache");
    assert_eq!(code, 0, "{text}");
    site.write("guest.wasm", &growing_types());
    let (code, text) = filter(&site, "compile-memory=256MiB", "cache");
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("limit compile-memory reached: 256.0 MiB allowed"), "{text}");
}

#[test]
fn limits_on_the_command_line_were_those_of_the_policy_while_it_compiled() {
    let site = Site::new();
    site.write("guest.wasm", MISBEHAVING_FILTER);
    site.write("policy.toml", b"[components.guest]\nlimits = { compile-time = \"0s\" }\n");
    let filter = |limits: &[&str]| {
        let args = ["filter", "guest.wasm", "--in", "update.safetensors", "--out", "out.safetensors"];
        let others = ["--args", r#"{"deed": "zero"}"#, "--cache", "cache", "--policy", "policy.toml"];
        site.output(&[&args[..], &others, limits].concat()).status.code()
    };
    assert_eq!(filter(&[]), Some(5));
    assert_eq!(filter(&["--limits", "compile-time=1m"]), Some(0));
}
