//! The interface `cleanup`, through a guest.

use std::fs;
use std::sync::Arc;
use std::thread;

use flip_runtime::testing::Found;
use flip_runtime::{AbortSignal, FlContext, Listing};
use flip_wasm_tests::{EVERYTHING, Site, context, lines, on_go, test_host, told, told_in};
use serde_json::json;

fn empty() -> Found {
    Found::File(Vec::new())
}

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
    let host = test_host(
        r#"directories = { workspace = "read", job = "read" }
        cleanup = ["workspace/save/*", "workspace/{job_id}"]"#,
    );
    for path in ["save/old", "save/deep/er", "job-1/a", "job-2/a", "transfer/a", "a"] {
        host.plant(&format!("workspace/{path}"), &empty()).unwrap();
    }
    host.plant("job/save/a", &empty()).unwrap();
    let rules = r#""workspace/save/*", "workspace/{job_id}""#;
    let refused =
        |rule: &str| format!("not permitted: cleanup = [{rules}, \"{rule}\"] under [components.Errand]");
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
        assert_eq!(told(&host, vec![json!({"remove": ["workspace", path]})]), [outcome]);
    }
    let others = vec![json!({"clear": "workspace"}), json!({"remove": ["job", "save/a"]})];
    assert_eq!(told(&host, others), [refused("workspace/*"), refused("job/save/a")]);
    let left = ["job/save/a", "workspace/a", "workspace/job-2/a", "workspace/save", "workspace/transfer/a"];
    assert!(host.tree().unwrap().keys().eq(left), "{:?}", host.tree());
}

#[test]
fn deleting_needs_no_right_to_write_and_writing_none_to_delete() {
    let remove = || vec![json!({"remove": ["job", "a"]})];
    let host = test_host("directories = { job = \"read\" }\ncleanup = [\"job/*\"]");
    host.plant("job/a", &empty()).unwrap();
    assert_eq!(told(&host, remove()), ["ok 1 files, 0 directories, 0 bytes"]);
    assert!(host.tree().unwrap().is_empty());
    let host = test_host(r#"directories = { job = "read-write" }"#);
    host.plant("job/a", &empty()).unwrap();
    let refused = "not permitted: cleanup = [\"job/a\"] under [components.Errand]";
    assert_eq!(told(&host, remove()), [refused]);
    assert_eq!(host.tree().unwrap()["job/a"], empty());
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
pub fn an_abort_ends_clearing_between_two_entries() {
    // Where the machine is busy, the abort may come when nothing is left.
    assert!((0..20).any(|_| aborted_while_clearing()), "it was never in the middle of it");
}

/// Whether the abort came in the middle.
fn aborted_while_clearing() -> bool {
    let site = Site::granting_everything();
    for file in 0..4_000 {
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
    let gone: u64 = runner.usage().deleted.iter().map(|gone| gone.files).sum();
    let left: usize =
        site.names("images").iter().map(|name| site.names(&format!("images/{name}")).len()).sum();
    assert_eq!(gone + left as u64, 4_000);
    if left == 0 {
        return false;
    }
    let told = "the run is being aborted";
    assert_eq!(lines(&log), [told, "told", told]);
    assert!(gone >= 20, "{gone} of 4 000 went");
    // The next run takes up where this one ended.
    runner.handle_event("go", &context()).unwrap();
    assert_eq!(site.names("images"), [""; 0]);
    true
}

#[test]
fn a_refusal_names_no_line_that_would_grant_more_than_was_asked() {
    let host = test_host("directories = { job = \"read\" }");
    for name in ["*", "{job_id}", "a/*"] {
        host.plant(&format!("job/{name}"), &empty()).unwrap();
        let refused = "not permitted: no policy can name a path with a part * or {job_id} alone";
        assert_eq!(told(&host, vec![json!({"remove": ["job", name]})]), [refused]);
        assert_eq!(host.tree().unwrap()[&format!("job/{name}")], empty());
    }
}

#[test]
fn in_local_dev_nothing_is_deleted_or_uploaded_whatever_a_component_asks() {
    let host = test_host(EVERYTHING);
    host.plant("job/a", &empty()).unwrap();
    let errands = vec![
        json!({"remove": ["job", "a"]}),
        json!({"clear": "job"}),
        json!({"put": ["key", "x"]}),
        json!({"put-archive": ["key", "job", ""]}),
    ];
    let local_dev = Arc::new(FlContext { local_dev: true, ..(*context()).clone() });
    let refused = "unavailable: local dev: nothing is deleted or uploaded";
    assert_eq!(told_in(&host, &local_dev, errands), [refused; 4]);
    assert_eq!(host.tree().unwrap()["job/a"], empty());
    assert!(host.objects().unwrap().is_empty());
}
