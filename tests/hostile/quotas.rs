//! Quotas of files, what is left of a write that was cut short, and huge or vanishing directories.

use std::fs;

use flip_runtime::Limits;
use serde_json::json;

use super::files::within;
use super::table::{Attack, Ended, Expected, elsewhere, host, nothing};
use crate::{lines, on_go};

pub const ATTACKS: &[Attack] = &[
    host(
        "32",
        "one byte more than it may write",
        one_byte_more,
        "file-bytes=1000",
        Expected::Told("quota exceeded: limit file-bytes"),
    ),
    host(
        "32",
        "small files without end",
        small_files,
        "files=200",
        Expected::Told("quota exceeded: limit files"),
    ),
    host(
        "32",
        "directories without end",
        many_directories,
        "files=60",
        Expected::Told("quota exceeded: limit files"),
    ),
    nothing("32", "a hole of 2^63 bytes in a file", "files are appended to; the contract has no seek"),
    host("32", "a trap in the middle of a write", trap_while_writing, "", Expected::Trap("unreachable")),
    host(
        "32",
        "a limit in the middle of a write",
        limit_while_writing,
        "call-time=40ms",
        Expected::Limit("call-time"),
    ),
    elsewhere(
        "32",
        "a file in the making when its instance is dropped",
        "tests/staged_files.rs::a_staged_file_is_gone_when_its_instance_is_dropped",
    ),
    host(
        "33",
        "a directory of fifty thousand entries",
        many_entries,
        "",
        Expected::Harmless("a thousand at a time, in order"),
    )
    .once(),
    host(
        "33",
        "a directory that is deleted between two pages",
        gone_between_pages,
        "",
        Expected::Told("not found: "),
    ),
    host(
        "33",
        "a huge read, from byte 2^64 - 1, and of no bytes",
        reads_of_any_size,
        "",
        Expected::Harmless("what comes is short, or nothing"),
    ),
];

fn one_byte_more(limits: Limits) -> Ended {
    let site = within(limits);
    assert_eq!(site.does(json!({"write-zeroes": ["job", "a", 1_000]})), "ok");
    let told = site.does(json!({"write-zeroes": ["job", "b", 1_001]}));
    assert_eq!(site.names("job"), ["a"]);
    Ok(told)
}

fn small_files(limits: Limits) -> Ended {
    let site = within(limits);
    let errands = (0..300).map(|number| json!({"stage": ["job", number.to_string(), ""]}));
    let errands = errands.flat_map(|stage| [stage, json!("drop-staged")]);
    let told = site.run(errands.collect());
    assert_eq!(site.names("job"), [""; 0]);
    Ok(told.into_iter().rev().nth(1).unwrap())
}

fn many_directories(limits: Limits) -> Ended {
    let site = within(limits);
    let errands =
        (0..30).map(|number| json!({"create-dir-all": ["job", format!("{number}/b/c/d/e/f/g/h/i/j")]}));
    let told = site.run(errands.collect()).pop().unwrap();
    assert_eq!(site.names("job").len(), 6);
    Ok(told)
}

fn trap_while_writing(limits: Limits) -> Ended {
    let site = within(limits);
    site.write("job/old", "old");
    let (mut runner, _log) = site.runner(on_go(
        json!([{"stage": ["job", "old", "half"]}, {"stage": ["job", "new", "half"]}, "panic"]),
    ));
    let ended = runner.handle_event("go", &site.context);
    assert_eq!((site.names("job"), site.read("job/old")), (vec!["old".to_owned()], "old".to_owned()));
    ended.map(|()| "it went on".to_owned())
}

fn limit_while_writing(limits: Limits) -> Ended {
    let site = within(limits);
    site.write("job/old", "old");
    let (mut runner, _log) = site
        .runner(on_go(json!([{"stage": ["job", "old", "half"]}, {"read-until": ["job", "old", "never"]}])));
    let ended = runner.handle_event("go", &site.context);
    assert_eq!((site.names("job"), site.read("job/old")), (vec!["old".to_owned()], "old".to_owned()));
    ended.map(|()| "it went on".to_owned())
}

fn many_entries(limits: Limits) -> Ended {
    let site = within(limits);
    for number in 0..50_000 {
        fs::File::create(site.path(&format!("job/{number:06}"))).unwrap();
    }
    let told = site.run(vec![
        json!({"entries": ["job", "", null, u32::MAX]}),
        json!({"entries": ["job", "", "049989", u32::MAX]}),
        json!({"usage": ["job", ""]}),
    ]);
    assert_eq!(told[0], "ok 1024 entries");
    assert!(told[1].starts_with("ok [file 049990 0, ") && told[1].ends_with("file 049999 0]"), "{}", told[1]);
    assert_eq!(told[2], "ok 50000 files, 0 directories, 0 bytes");
    Ok(told[0].clone())
}

fn gone_between_pages(limits: Limits) -> Ended {
    let site = within(limits);
    site.write("job/d/a", "x");
    site.write("job/d/b", "x");
    let (mut runner, log) = site.runner(
        json!({"on": {
            "first": [{"entries": ["job", "d", null, 1]}],
            "second": [{"entries": ["job", "d", "a", 1]}],
        }})
        .to_string(),
    );
    runner.handle_event("first", &site.context)?;
    fs::remove_dir_all(site.path("job/d")).unwrap();
    runner.handle_event("second", &site.context)?;
    Ok(lines(&log).pop().unwrap())
}

fn reads_of_any_size(limits: Limits) -> Ended {
    let site = within(limits);
    site.write("job/a", vec![7; 3 << 20]);
    site.assert_outcomes([
        (json!({"read": ["job", "a", 0, u32::MAX]}), "ok 1048576 bytes"),
        (json!({"read": ["job", "a", u64::MAX, u32::MAX]}), "ok \"\""),
        (json!({"read": ["job", "a", 0, 0]}), "ok \"\""),
        (json!({"read": ["job", "a", 3145727, 9]}), "ok \"\\u{7}\""),
    ]);
    let told = site.does(json!({"tensor": ["job", "a", u64::MAX, [2]]}));
    assert!(told.starts_with("invalid data: "), "{told}");
    let told = site.does(json!({"tensor": ["job", "a", 0, [u64::MAX, u64::MAX]]}));
    assert!(told.starts_with("invalid argument: "), "{told}");
    Ok(told)
}
