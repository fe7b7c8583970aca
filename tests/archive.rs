//! What an archive holds: archives are made in a store in memory and read back.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flip_runtime::AbortSignal;
use flip_runtime::services::{ArchiveEntry, ArchiveLimits, Call, ObjectStore, ServiceError, StoreOptions};
use flip_wasm_tests::servers::archives::{Fixture, contents, names, noise};
use flip_wasm_tests::servers::{call, logged};
use tempfile::TempDir;
use zip::CompressionMethod;

#[test]
fn entries_come_in_order_a_directory_before_what_it_holds() {
    let fixture = Fixture::new();
    fixture.write("b.txt", "b");
    fixture.write("a/z/deep.txt", "deep");
    fixture.write("a/k.txt", "");
    fixture.write("a.txt", "a");
    fs::create_dir(fixture.path("empty")).unwrap();
    let (archived, mut zip) = fixture.archive();
    let expected = ["a/", "a/k.txt", "a/z/", "a/z/deep.txt", "a.txt", "b.txt", "empty/"];
    assert_eq!(names(&mut zip), expected);
    assert_eq!(archived.entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), expected);
    assert_eq!(archived.entries[3], ArchiveEntry { name: "a/z/deep.txt".to_owned(), size: 4 });
    assert_eq!((archived.files, archived.bytes), (4, 6));
    assert_eq!(contents(&mut zip, "a/z/deep.txt"), b"deep");
    assert!(zip.by_name("empty/").unwrap().is_dir());
}

#[test]
fn a_file_in_the_making_is_left_out() {
    let fixture = Fixture::new();
    fixture.write("a.txt", "a");
    fixture.write(".flip-wasm-0123456789abcdef.tmp", "half of i");
    let (_, mut zip) = fixture.archive();
    assert_eq!(names(&mut zip), ["a.txt"]);
}

#[test]
fn an_empty_directory_is_an_empty_archive() {
    let (archived, zip) = Fixture::new().archive();
    assert_eq!((archived.files, archived.entries.len(), zip.len()), (0, 0, 0));
}

#[test]
fn modes_are_plain_and_times_those_of_the_files_in_utc() {
    let fixture = Fixture::new();
    fixture.write("d/script.sh", "#!/bin/sh");
    let path = fixture.path("d/script.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4777)).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    File::open(&path).unwrap().set_modified(time).unwrap();
    let (_, mut zip) = fixture.archive();
    let file = zip.by_name("d/script.sh").unwrap();
    assert_eq!(file.unix_mode().unwrap() & 0o7777, 0o644);
    assert_eq!(file.last_modified().unwrap().to_string(), "2023-11-14 22:13:20");
    drop(file);
    assert_eq!(zip.by_name("d/").unwrap().unix_mode().unwrap() & 0o7777, 0o755);
}

#[test]
fn links_and_special_files_are_left_out_and_said() {
    let fixture = Fixture::new();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    fixture.write("file", "x");
    symlink(outside.path().join("secret"), fixture.path("link-out")).unwrap();
    symlink(outside.path(), fixture.path("link-to-directory")).unwrap();
    symlink("file", fixture.path("link-in")).unwrap();
    symlink(".", fixture.path("loop")).unwrap();
    symlink("nowhere", fixture.path("dangling")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, fixture.path("a-pipe"), 0o600.into()).unwrap();
    let _socket = UnixListener::bind(fixture.path("a-socket")).unwrap();
    let (_, mut zip) = fixture.archive();
    assert_eq!(names(&mut zip), ["file"]);
    let logged = logged();
    for left_out in ["link-out", "link-to-directory", "link-in", "loop", "dangling", "a-pipe", "a-socket"] {
        assert!(logged.contains(&format!("left out of the archive path=\"{left_out}\"")), "{left_out}");
    }
}

#[test]
fn links_without_end_were_a_line_of_the_log_each() {
    let fixture = Fixture::new();
    for number in 0..100 {
        symlink("nowhere", fixture.path(&format!("link-{number}"))).unwrap();
    }
    fixture.archive();
    let logged = logged();
    let lines: Vec<_> = logged.lines().filter(|line| line.contains("left out of the archive")).collect();
    assert_eq!(lines.len(), 21);
    assert!(lines[20].ends_with("others=80"), "{}", lines[20]);
}

#[test]
fn a_name_that_is_not_utf8_is_an_error_that_names_it() {
    let fixture = Fixture::new();
    fixture.write("d/x", "");
    fs::write(fixture.path("d").join(std::ffi::OsStr::from_bytes(b"bad\xff")), "").unwrap();
    let error = fixture.refused();
    assert!(error.starts_with("InvalidArgument") && error.contains("d/bad\u{fffd}"), "{error}");
}

#[test]
fn names_are_kept_as_they_are() {
    let fixture = Fixture::new();
    for name in ["ü 中.txt", "a\\b", "-x", "..x", "con", "new\nline", &"n".repeat(255)] {
        fixture.write(name, name);
    }
    let (_, mut zip) = fixture.archive();
    for name in ["ü 中.txt", "a\\b", "-x", "..x", "con", "new\nline", &"n".repeat(255)] {
        assert_eq!(contents(&mut zip, name), name.as_bytes());
    }
}

#[test]
fn what_does_not_shrink_is_stored() {
    let fixture = Fixture::new();
    let weights = noise(3 << 20);
    let text = b"epoch 1, loss 0.25\n".repeat(150_000);
    let header_first = [&text[..30_000], &weights[..]].concat();
    fixture.write("weights", &weights);
    fixture.write("text", &text);
    fixture.write("header-first", &header_first);
    fixture.write("small", "tiny tiny tiny tiny tiny");
    let (archived, mut zip) = fixture.archive();
    for (name, method, expected) in [
        ("weights", CompressionMethod::Stored, &weights),
        ("text", CompressionMethod::Deflated, &text),
        ("small", CompressionMethod::Deflated, &b"tiny tiny tiny tiny tiny".to_vec()),
    ] {
        assert_eq!(zip.by_name(name).unwrap().compression(), method, "{name}");
        assert!(contents(&mut zip, name) == *expected, "{name}");
    }
    assert!(contents(&mut zip, "header-first") == header_first);
    assert!(archived.meta.size < archived.bytes - 2_000_000);
}

#[test]
fn text_is_smaller_at_a_higher_level() {
    let text: String =
        (0..20_000_u32).map(|step| format!("step {step}, loss 0.{}\n", step * 7919 % 997)).collect();
    let size = |deflate_level| {
        let fixture = Fixture::with(StoreOptions { deflate_level, ..StoreOptions::default() });
        fixture.write("log", &text);
        let (archived, mut zip) = fixture.archive();
        assert!(contents(&mut zip, "log") == text.as_bytes(), "{deflate_level}");
        archived.meta.size
    };
    assert!(size(1) > size(4) && size(4) > size(9));
    assert_eq!((size(0), size(u32::MAX)), (size(1), size(9)), "there are no others");
}

/// What is said where an archive has reached a limit.
fn reached(limit: &str, allowed: u64) -> String {
    let line = format!("a policy's line limits = {{ {limit} = ... }} sets it");
    format!("{:?}", ServiceError::QuotaExceeded(format!("limit {limit} reached: {allowed} allowed; {line}")))
}

#[test]
fn limits_end_an_archive() {
    let entries = || ArchiveLimits { entries: 3, ..ArchiveLimits::default() };
    let fixture = Fixture::new();
    fixture.write("a/b", "");
    fixture.write("c", "");
    assert_eq!(fixture.try_archive(entries()).unwrap().files, 2);

    let fixture = Fixture::new();
    fixture.write("a/b", "");
    fixture.write("a/c", "");
    fixture.write("d", "");
    assert_eq!(fixture.refused_within(entries()), reached("archive-entries", 3));

    let depth = || ArchiveLimits { depth: 2, ..ArchiveLimits::default() };
    let fixture = Fixture::new();
    fixture.write("1/2/file", "");
    fixture.try_archive(depth()).unwrap();
    let fixture = Fixture::new();
    fixture.write("1/2/3/file", "");
    assert_eq!(fixture.refused_within(depth()), reached("archive-depth", 2));
}

#[test]
fn the_first_thousand_entries_are_reported() {
    let fixture = Fixture::new();
    for number in 0..1_001 {
        fixture.write(&format!("{number:04}"), "");
    }
    let (archived, zip) = fixture.archive();
    assert_eq!((archived.entries.len(), archived.files, zip.len()), (1_000, 1_001, 1_001));
    assert_eq!(archived.entries[999].name, "0999");
}

#[test]
fn an_archive_may_have_so_many_bytes() {
    let fixture = Fixture::with(StoreOptions { part_size: 10_000, ..StoreOptions::default() });
    fixture.write("file", noise(100_000));
    let source = Dir::open_ambient_dir(fixture.directory.path(), ambient_authority()).unwrap();
    let bytes = |bytes| ArchiveLimits { bytes, ..ArchiveLimits::default() };
    for allowed in [0, 10, 99_999] {
        let result = fixture.store.put_archive(&call(), "a.zip", &source, bytes(allowed));
        assert!(matches!(result, Err(ServiceError::QuotaExceeded(_))), "{result:?}");
        assert!(fixture.store.head(&call(), "a.zip").is_err());
    }
    fixture.store.put_archive(&call(), "a.zip", &source, bytes(101_000)).unwrap();
}

#[test]
fn an_aborted_run_makes_no_archive() {
    let fixture = Fixture::new();
    fixture.write("file", "x");
    let source = Dir::open_ambient_dir(fixture.directory.path(), ambient_authority()).unwrap();
    let abort = AbortSignal::default();
    abort.trigger();
    let call = Call::new(std::time::Instant::now() + Duration::from_secs(60), abort);
    let result = fixture.store.put_archive(&call, "a.zip", &source, ArchiveLimits::default());
    assert!(matches!(result, Err(ServiceError::Aborted)), "{result:?}");
}
