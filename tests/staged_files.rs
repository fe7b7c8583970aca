//! Files in the making, through a guest: nobody sees half of one.

use flip_runtime::{Error, Limits};
use flip_wasm_tests::{Site, lines, on_go, spent};
use serde_json::json;

#[test]
fn a_staged_file_is_seen_only_once_it_is_committed() {
    let site = Site::granting_everything();
    site.write("job/a", "old");
    site.assert_outcomes([
        (json!({"stage": ["job", "a", "ne"]}), "ok"),
        (json!({"read": ["job", "a", 0, 9]}), r#"ok "old""#),
        (json!({"append": "w"}), "ok"),
        (json!({"commit": null}), "ok"),
        (json!({"read": ["job", "a", 0, 9]}), r#"ok "new""#),
        (json!({"append": "er"}), "invalid argument: a: the file is committed already, or was given up"),
        (json!({"commit": null}), "invalid argument: a: the file is committed already, or was given up"),
        (json!({"drop-staged": null}), "ok"),
    ]);
    assert_eq!((site.names("job"), site.read("job/a")), (vec!["a".to_owned()], "new".to_owned()));
}

#[test]
fn a_file_in_the_making_has_no_name() {
    let site = Site::granting_everything();
    site.assert_outcomes([
        (json!({"stage": ["job", "a", "x"]}), "ok"),
        (json!({"entries": ["job", "", null, 9]}), "ok []"),
        (json!({"stat": ["job", "a"]}), "not found: a: nothing is there"),
    ]);
    let (mut runner, log) = site.runner(on_go(json!([{"stage": ["job", "a", "x"]}])));
    runner.handle_event("go", &site.context).unwrap();
    let name = site.names("job").remove(0);
    let unseen = "invalid argument: the path has a part that names a file in the making";
    for errand in [json!({"stat": ["job", name]}), json!({"rename": ["job", name, "job", "a"]})] {
        assert_eq!(site.does(errand), unseen);
    }
    drop((runner, log));
    assert_eq!(site.names("job"), [""; 0]);
}

#[test]
fn a_staged_file_is_gone_when_it_is_dropped() {
    let site = Site::granting_everything();
    site.write("job/a", "old");
    let (mut runner, log) =
        site.runner(on_go(json!([{"stage": ["job", "a", "new"]}, {"drop-staged": null}])));
    runner.handle_event("go", &site.context).unwrap();
    assert_eq!(lines(&log), ["ok", "ok"]);
    assert_eq!((site.names("job"), site.read("job/a")), (vec!["a".to_owned()], "old".to_owned()));
}

#[test]
fn a_staged_file_is_gone_when_its_component_traps() {
    let site = Site::granting_everything();
    site.write("job/a", "old");
    let (mut runner, _log) = site.runner(on_go(json!([{"stage": ["job", "a", "new"]}, "panic"])));
    let error = runner.handle_event("go", &site.context).unwrap_err();
    assert!(matches!(error, Error::Trapped { .. }), "{error}");
    // The store with all that it holds is gone, although the instance is still there.
    assert_eq!((site.names("job"), site.read("job/a")), (vec!["a".to_owned()], "old".to_owned()));
    assert!(matches!(runner.handle_event("go", &site.context), Err(Error::Poisoned { .. })));
    assert_eq!(site.does(json!({"write": ["job", "a", "new"]})), "ok");
}

#[test]
fn a_staged_file_is_gone_when_its_instance_is_dropped() {
    let site = Site::granting_everything();
    let (mut runner, _log) = site.runner(on_go(json!([{"stage": ["job", "a", "new"]}])));
    runner.handle_event("go", &site.context).unwrap();
    drop(runner);
    assert_eq!(site.names("job"), [""; 0]);
}

#[test]
fn a_staged_file_whose_directory_was_moved_stayed_for_good() {
    let site = Site::granting_everything();
    site.write("job/a/there", "there");
    site.assert_outcomes([
        (json!({"stage": ["job", "a/new", "x"]}), "ok"),
        (json!({"rename": ["job", "a", "job", "b"]}), "ok"),
        (json!({"commit": null}), "not found: a/new: nothing is there"),
        (json!({"drop-staged": null}), "ok"),
    ]);
    assert_eq!(site.names("job/b"), ["there"]);
}

#[test]
fn a_file_that_the_quota_cuts_off_keeps_its_old_contents_whole() {
    let mut site = Site::granting_everything();
    site.limits = Limits { file_bytes: 300_000, ..Limits::default() };
    site.write("job/a", "old");
    let outcome = site.does(json!({"write-zeroes": ["job", "a", 300_001]}));
    assert_eq!(outcome, &*spent("file-bytes", "293.0 KiB"));
    assert_eq!((site.names("job"), site.read("job/a")), (vec!["a".to_owned()], "old".to_owned()));
}
