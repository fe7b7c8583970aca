//! The interface `storage`, through a guest: each function, paths that lead out, files that are none.

use std::fs;
use std::sync::Arc;

use flip_runtime::services::{Layout, Root};
use flip_wasm_tests::hostile::irregular;
use flip_wasm_tests::hostile::paths::{in_every_function, no_paths};
use flip_wasm_tests::{Site, spent};
use serde_json::json;

#[test]
fn every_function_does_what_it_says() {
    let site = Site::granting_everything();
    site.write("job/a", "hello");
    site.write("job/deep/er/b", [1, 2, 3, 4, 5, 6, 7]);
    site.assert_outcomes([
        (json!({"open": "job"}), "ok"),
        (json!({"read": ["job", "a", 0, 100]}), r#"ok "hello""#),
        (json!({"read": ["job", "a", 1, 3]}), r#"ok "ell""#),
        (json!({"read": ["job", "a", 5, 3]}), r#"ok """#),
        (json!({"read": ["job", "a", u64::MAX, u32::MAX]}), r#"ok """#),
        (json!({"read": ["job", "b", 0, 1]}), "not found: b: nothing is there"),
        (json!({"stat": ["job", "a"]}), "ok file a 5"),
        (json!({"stat": ["job", "deep/er"]}), "ok directory er 0"),
        (json!({"stat": ["job", ""]}), "ok directory  0"),
        (json!({"entries": ["job", "", null, 10]}), "ok [file a 5, directory deep 0]"),
        (json!({"entries": ["job", "deep/er", null, 10]}), "ok [file b 7]"),
        (json!({"tensor": ["job", "deep/er/b", 1, [2, 3]]}), "ok [2, 3, 4, 5, 6, 7]"),
        (json!({"tensor": ["job", "a", 5, [0]]}), "ok []"),
        (
            json!({"tensor": ["job", "a", 1, [5]]}),
            "invalid data: a: 5 bytes from byte 1 are not all in its 5 bytes",
        ),
        (
            json!({"tensor": ["job", "a", u64::MAX, [1]]}),
            "invalid data: a: 1 bytes from byte 18446744073709551615 are not all in its 5 bytes",
        ),
        (json!({"create-dir-all": ["workspace", "x/y"]}), "ok"),
        (json!({"create-dir-all": ["workspace", "x/y"]}), "ok"),
        (json!({"write": ["workspace", "x/y/c", "new"]}), "ok"),
        (json!({"rename": ["workspace", "x/y/c", "job", "a"]}), "ok"),
        (json!({"read": ["job", "a", 0, 9]}), r#"ok "new""#),
        (json!({"rename": ["workspace", "x", "job", "deep/x"]}), "ok"),
        (json!({"rename": ["workspace", "x", "job", "x"]}), "not found: x: nothing is there"),
        (json!({"write": ["job", "no/c", "new"]}), "not found: no/c: nothing is there"),
        (json!({"open": "images"}), "ok"),
    ]);
    assert!(site.path("job/deep/x/y").is_dir());
    assert_eq!(site.names("workspace"), [""; 0]);
}

#[test]
fn entries_come_in_pages_in_the_order_of_their_names() {
    let site = Site::granting_everything();
    for name in ["c", "a", "B", "d"] {
        site.write(&format!("job/{name}"), "");
    }
    site.assert_outcomes([
        (json!({"entries": ["job", "", null, 2]}), "ok [file B 0, file a 0]"),
        (json!({"entries": ["job", "", "a", 2]}), "ok [file c 0, file d 0]"),
        (json!({"entries": ["job", "", "d", 2]}), "ok []"),
        (json!({"entries": ["job", "", "aa/../..", 1]}), "ok [file c 0]"),
        (json!({"entries": ["job", "", null, 0]}), "ok []"),
        (json!({"entries": ["job", "a", null, 1]}), "invalid argument: a: Not a directory (os error 20)"),
    ]);
}

#[test]
fn entries_are_a_thousand_at_a_time_however_many_are_asked_for() {
    let site = Site::granting_everything();
    for number in 0..1_100 {
        site.write(&format!("job/{number:04}"), "");
    }
    site.assert_outcomes([
        (json!({"entries": ["job", "", null, u32::MAX]}), "ok 1024 entries"),
        (json!({"entries": ["job", "", "1097", u32::MAX]}), "ok [file 1098 0, file 1099 0]"),
    ]);
}

#[test]
pub fn a_path_that_could_lead_out_is_refused_by_every_function() {
    let site = Site::granting_everything();
    site.write("job/d/a", "kept");
    site.write("job/a", "kept");
    site.write("images/a", "kept");
    for (path, told) in no_paths() {
        for outcome in site.run(in_every_function(&path)) {
            assert_eq!(outcome, told, "{path:.40}");
        }
    }
    assert_eq!(site.names("job"), ["a", "d"]);
    assert_eq!(
        (site.read("job/a"), site.read("job/d/a"), site.read("images/a")),
        ("kept".into(), "kept".into(), "kept".into())
    );
    assert!(site.store.calls().is_empty());
}

#[test]
fn the_directory_itself_is_no_file() {
    let site = Site::granting_everything();
    for errand in [
        json!({"read": ["job", "", 0, 9]}),
        json!({"write": ["job", "", "x"]}),
        json!({"create-dir-all": ["job", ""]}),
        json!({"rename": ["job", "", "workspace", "x"]}),
        json!({"remove": ["job", ""]}),
    ] {
        assert_eq!(site.does(errand), "invalid argument: the path is empty");
    }
}

#[test]
fn names_that_only_look_like_a_way_out_are_names() {
    let site = Site::granting_everything();
    for name in ["%2e%2e", "...", "C:", "..%2f..%2fetc", " ", "-rf", "~", "*", "übung"] {
        site.assert_outcomes([
            (json!({"write": ["job", name, "x"]}), "ok"),
            (json!({"read": ["job", name, 0, 9]}), r#"ok "x""#),
        ]);
        assert_eq!(site.names("job"), [name]);
        assert_eq!(site.does(json!({"remove": ["job", name]})), "ok 1 files, 0 directories, 1 bytes");
    }
}

#[test]
pub fn what_is_no_regular_file_is_refused_and_never_waited_for() {
    let site = Site::granting_everything();
    let _socket = irregular::plant(&site.path("job"));
    for (errand, told) in irregular::asked() {
        assert_eq!(site.does(errand.clone()), told, "{errand}");
    }
    assert_eq!(site.read("job/pipe"), "x");
    assert_eq!(site.names("job"), ["directory", "pipe"]);
}

/// To write there would put a file in the device's place.
#[test]
pub fn a_device_is_no_file_and_is_never_read() {
    let mut site = Site::granting(r#"directories = { workspace = "read" }"#);
    site.services.directories = Some(Arc::new(Layout::new().with(Root::Workspace, "/dev")));
    for (errand, told) in irregular::asked_of_devices("workspace") {
        assert_eq!(site.does(errand), told);
    }
}

#[test]
fn a_directory_that_is_granted_and_not_there_is_not_found() {
    let site = Site::granting(r#"directories = { job = "read", safehouse = "read" }"#);
    fs::remove_dir(site.path("job")).unwrap();
    site.assert_outcomes([
        (json!({"open": "job"}), "not found: the directory job is not there"),
        (json!({"open": "safehouse"}), "not found: the directory safehouse is not there"),
    ]);
}

#[test]
fn a_file_that_takes_the_place_of_another_is_read_in_its_place() {
    let site = Site::granting_everything();
    site.write("job/a", [7; 4]);
    site.write("job/b", [8; 8]);
    site.assert_outcomes([
        (json!({"keep-tensor": ["job", "a"]}), "ok"),
        // What takes the place of a file is another one.
        (json!({"rename": ["job", "b", "job", "a"]}), "ok"),
        (json!({"tensor": ["job", "a", 4, [4]]}), "ok [8, 8, 8, 8]"),
    ]);
}

#[test]
fn open_directories_and_files_used_up_those_of_the_whole_process() {
    let site = Site::granting_everything();
    let too_many = &*spent("open-files", "128");
    for number in 0..200 {
        site.write(&format!("images/{number}"), "x");
    }
    let stage = (0..200).map(|number| json!({"stage": ["job", number.to_string(), ""]}));
    let keep = (0..200).map(|number| json!({"keep-tensor": ["images", number.to_string()]}));
    for errands in [vec![json!({"keep-open": ["job", 200]})], stage.collect(), keep.collect()] {
        let outcomes = site.run(errands);
        assert_eq!(outcomes.last().unwrap(), too_many);
    }
    // What is dropped does not count.
    let read = (0..200).map(|number| json!({"read": ["images", number.to_string(), 0, 1]}));
    assert_eq!(site.run(read.collect()), [r#"ok "x""#; 200]);
}
