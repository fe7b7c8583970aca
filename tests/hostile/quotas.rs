//! Quotas of files, what is left of a write that was cut short, and huge or vanishing directories.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use flip_runtime::Limits;
use flip_runtime::services::{Layout, Root};
use serde_json::json;

use super::errands::Errands;
use super::files::granting;
use super::gone;
use super::table::{Attack, CommandLine, Ended, Expected, errands, host, nothing};
use crate::EVERYTHING;

pub const ATTACKS: &[Attack] = &[
    errands(
        "32",
        "all that it may write, and then one byte more",
        one_byte_more,
        "file-bytes=1000",
        Expected::Told("quota exceeded: limit file-bytes"),
    ),
    errands(
        "32",
        "one byte more than it may write, at once",
        one_byte_more_at_once,
        "file-bytes=1000",
        Expected::Told("quota exceeded: limit file-bytes"),
    ),
    errands(
        "32",
        "small files without end",
        small_files,
        "files=200",
        Expected::Told("quota exceeded: limit files"),
    ),
    errands(
        "32",
        "directories without end",
        many_directories,
        "files=60",
        Expected::Told("quota exceeded: limit files"),
    ),
    nothing("32", "a hole of 2^63 bytes in a file", "files are appended to; the contract has no seek"),
    errands("32", "a trap in the middle of a write", trap_while_writing, "", Expected::Trap("unreachable")),
    errands(
        "32",
        "a limit in the middle of a write",
        limit_while_writing,
        // Long enough that both files have been begun, on a machine that does other things as well.
        "call-time=400ms",
        Expected::Limit("call-time"),
    ),
    errands(
        "32",
        "a file in the making when its instance is dropped",
        never_finished,
        "",
        Expected::Told("ok"),
    ),
    errands(
        "32",
        "fifty thousand small files, a million in twenty rounds, where two hundred are allowed",
        || a_flood_of_files(50_000),
        "files=200",
        Expected::Told("200 made, the last: quota exceeded: limit files"),
    ),
    errands(
        "32",
        "a million small files, where two hundred are allowed",
        || a_flood_of_files(1_000_000),
        "files=200",
        Expected::Told("200 made, the last: quota exceeded: limit files"),
    )
    .slow(),
    errands(
        "32",
        "ten thousand small files, as many as are allowed where nothing else is said",
        files_up_to_the_limit,
        "",
        Expected::Told("10000 made, the last: ok"),
    ),
    errands(
        "32",
        "an object that is larger than it may upload",
        large_object,
        "upload-bytes=100KiB",
        Expected::Told("quota exceeded: limit upload-bytes"),
    ),
    host(
        "33",
        "a directory of twenty thousand entries",
        |limits| many_entries(limits, 20_000),
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::a_directory_of_a_million_entries_is_listed_in_pages",
        ),
        "",
        Expected::Harmless("a thousand at a time, in order"),
    ),
    host(
        "33",
        "a directory of a million entries",
        |limits| many_entries(limits, 1_000_000),
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::a_directory_of_a_million_entries_is_listed_in_pages",
        ),
        "",
        Expected::Harmless("a thousand at a time, in order"),
    )
    .slow(),
    errands(
        "33",
        "a directory that is deleted between two pages",
        gone_between_pages,
        "",
        Expected::Told("not found: "),
    ),
    host(
        "33",
        "an open directory that somebody else deletes, root and all, while it is listed, and that is listed again",
        gone::while_listed,
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::a_directory_that_is_deleted_root_and_all_while_it_is_listed_ends_it",
        ),
        "call-time=30s",
        Expected::Harmless(
            "each listing comes to its end; the last one is empty, or is told that nothing is there",
        ),
    ),
    errands(
        "33",
        "a huge read, from byte 2^64 - 1, and of no bytes",
        reads_of_any_size,
        "",
        Expected::Harmless("what comes is short, or nothing"),
    ),
];

fn one_byte_more() -> Errands {
    Errands::granting(EVERYTHING)
        .told("ok", [json!({"write-zeroes": ["job", "a", 1_000]})])
        .told("quota exceeded: limit file-bytes", [json!({"write-zeroes": ["job", "b", 1]})])
        .leaves("job/a", &"\0".repeat(1_000))
}

fn one_byte_more_at_once() -> Errands {
    Errands::granting(EVERYTHING)
        .told("quota exceeded: limit file-bytes", [json!({"write-zeroes": ["job", "a", 1_001]})])
}

/// Each is started, and dropped before it is one.
fn small_files() -> Errands {
    (0..220).fold(Errands::granting(EVERYTHING), |errands, number| {
        let told = if number < 200 { "ok" } else { "quota exceeded: limit files" };
        errands
            .told(told, [json!({"stage": ["job", number.to_string(), ""]})])
            .told("ok", [json!("drop-staged")])
    })
}

fn a_flood_of_files(count: u32) -> Errands {
    let errands = Errands::granting(EVERYTHING);
    let told = "200 made, the last: quota exceeded: limit files";
    let errands = errands.told(told, [json!({"make-files": ["job", count]})]);
    (0..200).fold(errands, |errands, number| errands.leaves(format!("job/{number}"), ""))
}

fn files_up_to_the_limit() -> Errands {
    let errands = Errands::granting(EVERYTHING);
    let errands = errands
        .told("10000 made, the last: ok", [json!({"make-files": ["workspace", 10_000]})])
        .told("quota exceeded: limit files", [json!({"write": ["workspace", "one more", "x"]})]);
    (0..10_000).fold(errands, |errands, number| errands.leaves(format!("workspace/{number}"), ""))
}

fn many_directories() -> Errands {
    let errands = (0..30).fold(Errands::granting(EVERYTHING), |errands, number| {
        let told = if number < 6 { "ok" } else { "quota exceeded: limit files" };
        errands.told(told, [json!({"create-dir-all": ["job", format!("{number}/b/c/d/e/f/g/h/i/j")]})])
    });
    (0..6).fold(errands, |errands, number| {
        let mut path = format!("job/{number}");
        let mut errands = errands.leaves(&*path, "a folder");
        for part in "bcdefghij".chars() {
            path.extend(['/', part]);
            errands = errands.leaves(&*path, "a folder");
        }
        errands
    })
}

fn large_object() -> Errands {
    Errands::granting(EVERYTHING)
        .told("quota exceeded: limit upload-bytes", [json!({"put-zeroes": ["key", 200 << 10]})])
        .told("not found: ", [json!({"head": "key"})])
}

/// The one is there already, the other is not.
fn half_written() -> Errands {
    let starts = [json!({"stage": ["job", "old", "half"]}), json!({"stage": ["job", "new", "half"]})];
    Errands::granting(EVERYTHING).file("job/old", "old").told("ok", starts)
}

fn trap_while_writing() -> Errands {
    half_written().ends(json!("panic"))
}

fn limit_while_writing() -> Errands {
    half_written().ends(json!({"read-until": ["job", "old", "never"]}))
}

/// Makes so many files with the names `0000000`, `0000001` and so on.
///
/// # Panics
///
/// Where it cannot.
pub fn fill(folder: &Path, entries: u32) {
    // A second name of a file is made sooner than a second file.
    let mut linked = folder.join("0000000");
    fs::File::create(&linked).unwrap();
    for number in 1..entries {
        let path = folder.join(format!("{number:07}"));
        if fs::hard_link(&linked, &path).is_err() {
            fs::File::create(&path).unwrap();
            linked = path;
        }
    }
}

/// In memory where the machine has a place for that: it is about the listing, not about the disk.
fn many_entries(limits: Limits, entries: u32) -> Ended {
    let memory = Path::new("/dev/shm");
    let entries = if memory.is_dir() { entries } else { entries.min(50_000) };
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    fill(folder.path(), entries);
    let mut site = granting(EVERYTHING, limits);
    site.services.directories = Some(Arc::new(Layout::new().with(Root::Job, folder.path())));
    let (last, before) = (format!("{:07}", entries - 1), format!("{:07}", entries - 11));
    let told = site.run(vec![
        json!({"entries": ["job", "", null, u32::MAX]}),
        json!({"entries": ["job", "", before, u32::MAX]}),
        json!({"usage": ["job", ""]}),
    ]);
    assert_eq!(told[0], "ok 1024 entries");
    assert!(told[1].ends_with(&format!("file {last} 0]")), "{}", told[1]);
    assert_eq!(told[1].matches("file ").count(), 10);
    assert_eq!(told[2], format!("ok {entries} files, 0 directories, 0 bytes"));
    Ok(told[0].clone())
}

/// It deletes what it reads itself.
fn gone_between_pages() -> Errands {
    Errands::granting(EVERYTHING)
        .file("job/d/a", "x")
        .file("job/d/b", "x")
        .told("ok [file a 1]", [json!({"entries": ["job", "d", null, 1]})])
        .told("ok 2 files, 1 directories", [json!({"remove": ["job", "d"]})])
        .told("not found: ", [json!({"entries": ["job", "d", "a", 1]})])
        .removes("job/d")
}

fn reads_of_any_size() -> Errands {
    let errands = Errands::granting(EVERYTHING).file("job/a", vec![7; 3 << 20]);
    let answers = [
        ("ok 1048576 bytes", json!({"read": ["job", "a", 0, u32::MAX]})),
        ("ok \"\"", json!({"read": ["job", "a", u64::MAX, u32::MAX]})),
        ("ok \"\"", json!({"read": ["job", "a", 0, 0]})),
        ("ok \"\\u{7}\"", json!({"read": ["job", "a", 3_145_727, 9]})),
        ("invalid data: ", json!({"tensor": ["job", "a", u64::MAX, [2]]})),
        ("invalid argument: ", json!({"tensor": ["job", "a", 0, [u64::MAX, u64::MAX]]})),
    ];
    answers.into_iter().fold(errands, |errands, (told, errand)| errands.told(told, [errand]))
}

/// Nothing is left of it.
fn never_finished() -> Errands {
    Errands::granting(EVERYTHING).told("ok", [json!({"stage": ["job", "a", "new"]})])
}
