//! Files that are no components any more, through `flip-wasm inspect` and `flip-wasm filter`.

use std::process::Output;

use crate::support::{Site, shown};
use flip_wasm_tests::hostile::{loading, shapes};
use flip_wasm_tests::{ERRAND, MISBEHAVING_FILTER};

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
    let site = Site::new();
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
    let site = Site::new();
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
    let site = Site::new();
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
