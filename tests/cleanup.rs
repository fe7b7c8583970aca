//! The interface `cleanup`, through a guest.

use std::fs;
use std::sync::Arc;
use std::thread;

use flip_runtime::{AbortSignal, FlContext, Listing};
use flip_wasm_tests::{Site, context, lines, on_go};
use serde_json::json;

#[test]
fn every_function_does_what_it_says_and_the_report_knows() {
    let site = Site::granting_everything();
    site.write("job/d/a", "hello");
    site.write("job/d/e/b", "x");
    site.write("job/c", "12");
    let errands = json!([
        {"usage": ["job", ""]}, {"usage": ["job", "d"]}, {"usage": ["job", "d/a"]}, {"usage": ["job", "no"]},
        {"remove": ["job", "d/e"]}, {"remove": ["job", "no"]}, {"clear": "job"}, {"clear": "job"},
    ]);
    let (mut runner, log) = site.runner(on_go(errands));
    runner.handle_event("go", &site.context).unwrap();
    let expected = [
        "ok 3 files, 2 directories, 8 bytes",
        "ok 2 files, 2 directories, 6 bytes",
        "ok 1 files, 0 directories, 5 bytes",
        "not found: no: nothing is there",
        "ok 1 files, 1 directories, 1 bytes",
        "not found: no: nothing is there",
        "ok 2 files, 1 directories, 7 bytes",
        "ok 0 files, 0 directories, 0 bytes",
    ];
    assert_eq!(lines(&log), expected);
    assert_eq!(site.names("job"), [""; 0]);
    let usage = runner.usage();
    let deleted: Vec<_> =
        usage.deleted.iter().map(|gone| (gone.path.as_str(), gone.files, gone.bytes)).collect();
    assert_eq!(deleted, [("job/d/e", 1, 1), ("job/*", 2, 7)]);
    assert_eq!(usage.host_calls.cleanup, 8);
    let paths = |listing: &Option<Arc<Listing>>| -> Vec<String> {
        listing.as_ref().unwrap().entries.iter().map(|(path, _)| path.clone()).collect()
    };
    let trees: Vec<_> = usage
        .deleted
        .iter()
        .map(|gone| (paths(&gone.before).join(" "), paths(&gone.after).join(" ")))
        .collect();
    assert_eq!(trees, [("b".into(), String::new()), ("c d d/a".into(), String::new())]);
}

#[test]
fn a_rule_covers_what_it_names_and_no_sibling() {
    let site = Site::granting(
        r#"directories = { workspace = "read", job = "read" }
        cleanup = ["workspace/save/*", "workspace/{job_id}"]"#,
    );
    for path in ["save/old", "save/deep/er", "job-1/a", "job-2/a", "transfer/a", "a"] {
        site.write(&format!("workspace/{path}"), "");
    }
    site.write("job/save/a", "");
    let refused = |line: &str| format!("not permitted: cleanup = [\"{line}\"] under [components.Errand]");
    for (path, outcome) in [
        ("save/old", "ok 1 files, 0 directories, 0 bytes".to_owned()),
        ("save/deep", "ok 1 files, 1 directories, 0 bytes".to_owned()),
        ("save", refused("workspace/save")),
        ("job-1", "ok 1 files, 1 directories, 0 bytes".to_owned()),
        ("job-2", refused("workspace/job-2")),
        ("transfer/a", refused("workspace/transfer/a")),
        ("no", refused("workspace/no")),
        ("save/no", "not found: save/no: nothing is there".to_owned()),
    ] {
        assert_eq!(site.does(json!({"remove": ["workspace", path]})), outcome);
    }
    assert_eq!(site.does(json!({"clear": "workspace"})), refused("workspace/*"));
    assert_eq!(site.does(json!({"remove": ["job", "save/a"]})), refused("job/save/a"));
    assert_eq!(site.names("workspace"), ["a", "job-2", "save", "transfer"]);
}

#[test]
fn deleting_needs_no_right_to_write_and_writing_none_to_delete() {
    let site = Site::granting("directories = { job = \"read\" }\ncleanup = [\"job/*\"]");
    site.write("job/a", "");
    assert_eq!(site.does(json!({"remove": ["job", "a"]})), "ok 1 files, 0 directories, 0 bytes");
    let site = Site::granting(r#"directories = { job = "read-write" }"#);
    site.write("job/a", "");
    let refused = "not permitted: cleanup = [\"job/a\"] under [components.Errand]";
    assert_eq!(site.does(json!({"remove": ["job", "a"]})), refused);
    assert_eq!(site.names("job"), ["a"]);
}

#[test]
fn names_that_are_no_text_are_deleted_too() {
    use std::os::unix::ffi::OsStrExt;
    let site = Site::granting_everything();
    fs::write(site.path("job").join(std::ffi::OsStr::from_bytes(b"\xff\n")), "12").unwrap();
    site.assert_outcomes([
        (json!({"entries": ["job", "", null, 9]}), "ok []"),
        (json!({"usage": ["job", ""]}), "ok 1 files, 0 directories, 2 bytes"),
        (json!({"clear": "job"}), "ok 1 files, 0 directories, 2 bytes"),
    ]);
    assert_eq!(fs::read_dir(site.path("job")).unwrap().count(), 0);
}

#[test]
fn an_abort_ends_clearing_between_two_entries() {
    let site = Site::granting_everything();
    for file in 0..8_000 {
        site.write(&format!("images/{:03}/{file}", file % 200), "x");
    }
    let first = fs::read_dir(site.path("images")).unwrap().next().unwrap().unwrap().path();
    let abort = AbortSignal::default();
    let aborted = Arc::new(FlContext { abort: abort.clone(), ..(*context()).clone() });
    let (mut runner, log) =
        site.runner(on_go(json!([{"clear": "images"}, {"say": "told"}, {"usage": ["images", ""]}])));
    thread::scope(|scope| {
        scope.spawn(|| {
            while first.exists() {
                thread::yield_now();
            }
            abort.trigger();
        });
        runner.handle_event("go", &aborted).unwrap();
    });
    let told = "the run is being aborted";
    assert_eq!(lines(&log), [told, "told", told]);
    let gone: u64 = runner.usage().deleted.iter().map(|gone| gone.files).sum();
    let left: usize =
        site.names("images").iter().map(|name| site.names(&format!("images/{name}")).len()).sum();
    assert!(gone >= 40 && left > 0, "{gone} of 8 000 went");
    assert_eq!(gone + left as u64, 8_000);
    // The next run takes up where this one ended.
    runner.handle_event("go", &context()).unwrap();
    assert_eq!(site.names("images"), [""; 0]);
}

#[test]
fn a_refusal_names_no_line_that_would_grant_more_than_was_asked() {
    let site = Site::granting("directories = { job = \"read\" }");
    for name in ["*", "{job_id}", "a/*"] {
        site.write(&format!("job/{name}"), "kept");
        let refused = "not permitted: no policy can name a path with a part * or {job_id} alone";
        assert_eq!(site.does(json!({"remove": ["job", name]})), refused);
        assert_eq!(site.read(&format!("job/{name}")), "kept");
    }
}

#[test]
fn in_local_dev_nothing_is_deleted_or_uploaded_whatever_a_component_asks() {
    let mut site = Site::granting_everything();
    site.context = Arc::new(FlContext { local_dev: true, ..(*context()).clone() });
    site.write("job/a", "kept");
    let refused = "unavailable: local dev: nothing is deleted or uploaded";
    for errand in [
        json!({"remove": ["job", "a"]}),
        json!({"clear": "job"}),
        json!({"put": ["key", "x"]}),
        json!({"put-archive": ["key", "job", ""]}),
    ] {
        assert_eq!(site.does(errand), refused);
    }
    assert_eq!(site.read("job/a"), "kept");
    assert!(site.store.calls().is_empty());
}
