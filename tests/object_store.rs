//! The object store: S3 with a real server, a directory, and memory.

use std::fs;
use std::time::Duration;

use flip_runtime::services::{ArchiveLimits, ObjectStore, RecordedStore, ServiceError};
use flip_wasm_tests::servers::s3::{PART, S3, SECRET, env, files, open, source, unavailable, uploads};
use flip_wasm_tests::servers::{call, call_of, logged, runtime};
use tempfile::TempDir;

/// What every store does.
fn behaves(store: &impl ObjectStore) {
    let head = |key: &str| store.head(&call(), key);
    assert!(matches!(head("a/b.txt"), Err(ServiceError::NotFound(text)) if text.contains("a/b.txt")));
    assert!(matches!(store.get(&call(), "a/b.txt", 0, 10), Err(ServiceError::NotFound(_))));
    assert!(matches!(store.get(&call(), "a/b.txt", 0, 0), Err(ServiceError::NotFound(_))));

    let meta = store.put(&call(), "a/b.txt", b"0123456789".to_vec()).unwrap();
    assert_eq!((meta.key.as_str(), meta.size), ("a/b.txt", 10));
    assert_eq!((head("a/b.txt").unwrap().key, head("a/b.txt").unwrap().size), ("a/b.txt".to_owned(), 10));
    let get = |offset, len| store.get(&call(), "a/b.txt", offset, len).unwrap();
    for (offset, len, expected) in [
        (0, 10, "0123456789"),
        (0, 4, "0123"),
        (4, 4, "4567"),
        (8, 4, "89"),
        (8, u32::MAX, "89"),
        (3, 0, ""),
        (10, 4, ""),
        (11, 4, ""),
        (u64::MAX, 4, ""),
    ] {
        assert_eq!(get(offset, len), expected, "{offset} {len}");
    }

    let exists = |result: Result<_, ServiceError>| {
        let error = result.unwrap_err();
        assert!(matches!(&error, ServiceError::InvalidArgument(text) if text.contains("exists")), "{error}");
    };
    exists(store.put(&call(), "a/b.txt", b"other".to_vec()).map(drop));
    let (_kept, small) = source(0);
    let (_kept, large) = source(2);
    exists(store.put_archive(&call(), "a/b.txt", &small, ArchiveLimits::default()).map(drop));
    exists(store.put_archive(&call(), "a/b.txt", &large, ArchiveLimits::default()).map(drop));
    assert_eq!(get(0, 10), "0123456789");

    for (key, source) in [("small.zip", &small), ("deep/er/large.zip", &large)] {
        let archived = store.put_archive(&call(), key, source, ArchiveLimits::default()).unwrap();
        assert_eq!((archived.meta.key.as_str(), archived.files, archived.entries.len()), (key, 2, 2));
        assert_eq!(head(key).unwrap().size, archived.meta.size);
        let bytes = store.get(&call(), key, 0, u32::MAX).unwrap();
        let zip = zip::ZipArchive::new(std::io::Cursor::new(bytes.to_vec())).unwrap();
        assert_eq!(zip.len(), 2);
    }
    assert_eq!(store.put(&call(), "empty", Vec::new()).unwrap().size, 0);
    assert_eq!(store.get(&call(), "empty", 0, 5).unwrap(), "");

    for key in ["", "/x", "../x", "x/../../y", "x//y", "x/", "x\n", &"x".repeat(2000)] {
        for result in [
            store.put(&call(), key, Vec::new()).map(drop),
            store.put_archive(&call(), key, &small, ArchiveLimits::default()).map(drop),
            store.get(&call(), key, 0, 1).map(drop),
            head(key).map(drop),
        ] {
            assert!(matches!(result, Err(ServiceError::InvalidArgument(_))), "{key:?}: {result:?}");
        }
    }
    let over = call_of(Duration::ZERO);
    assert_eq!(store.head(&over, "a/b.txt"), Err(ServiceError::TimedOut));
    assert_eq!(store.put(&over, "new", Vec::new()), Err(ServiceError::TimedOut));
    assert!(matches!(head("new"), Err(ServiceError::NotFound(_))));
}

#[test]
fn s3_behaves() {
    let s3 = S3::new();
    behaves(&s3.store);
    assert_eq!(fs::read(s3.object("a/b.txt")).unwrap(), b"0123456789");
    let left: Vec<_> =
        s3.files().into_iter().filter(|name| name.contains("upload") || name.contains("tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(
        s3.server.seen().iter().any(|seen| seen.is("PUT", "partNumber=3")),
        "the large archive goes in parts"
    );
    assert!(!logged().contains(SECRET));
}

#[test]
fn a_directory_behaves() {
    let runtime = runtime();
    let root = TempDir::new().unwrap();
    let url = flip_runtime::services::Store::url_of(root.path()).unwrap();
    let store = open(url.as_str(), Vec::new(), &runtime).unwrap();
    behaves(&store);
    assert_eq!(files(root.path()), ["a/b.txt", "deep/er/large.zip", "empty", "small.zip"]);
    fs::create_dir(root.path().join("taken")).unwrap();
    let result = store.put(&call(), "taken", b"x".to_vec());
    assert!(matches!(result, Err(ServiceError::InvalidArgument(_))), "{result:?}");
    assert_eq!(files(root.path()).len(), 4);
}

#[test]
fn memory_behaves_and_a_recording_keeps_the_calls() {
    let runtime = runtime();
    let store = RecordedStore::new(open("memory:///any", Vec::new(), &runtime).unwrap());
    behaves(&store);
    let calls = store.calls();
    assert_eq!((calls[0].function, calls[0].key.as_str()), ("head", "a/b.txt"));
    assert!(calls.iter().any(|call| call.function == "put-archive" && call.key == "deep/er/large.zip"));
}

#[test]
fn a_failed_upload_to_a_directory_leaves_no_file_and_no_directory() {
    let runtime = runtime();
    let root = TempDir::new().unwrap();
    let url = flip_runtime::services::Store::url_of(root.path()).unwrap();
    let store = open(url.as_str(), Vec::new(), &runtime).unwrap();
    let (_kept, large) = source(2);
    let limits = || ArchiveLimits { bytes: 2 * PART as u64, ..ArchiveLimits::default() };
    let result = store.put_archive(&call(), "new/er/a.zip", &large, limits());
    assert!(matches!(result, Err(ServiceError::QuotaExceeded(_))), "{result:?}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    fs::create_dir(root.path().join("new")).unwrap();
    store.put_archive(&call(), "new/er/a.zip", &large, limits()).unwrap_err();
    assert_eq!(fs::read_dir(root.path().join("new")).unwrap().count(), 0, "what was there stays");
}

#[test]
fn addresses_that_cannot_be_used_are_refused() {
    let runtime = runtime();
    let refused = |url: &str, env: Vec<(String, String)>| {
        let error = open(url, env, &runtime).unwrap_err();
        assert!(matches!(error, ServiceError::InvalidArgument(_)), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains("p4ss") && !text.contains(SECRET), "{text}");
        text
    };
    for url in
        ["", "bucket", "ftp://host/x", "s3://u:p4ss@bucket/x", "s3://bucket/?p4ss", "file:///no/such/place"]
    {
        refused(url, Vec::new());
    }
    assert!(refused("s3://bucket", env("http://u:p4ss@host")).contains("endpoint"));
    assert!(refused("s3://bucket", env("nonsense")).contains("endpoint"));
}

#[test]
fn plain_http_needs_an_endpoint_that_says_so() {
    let s3 = S3::new();
    let mut env = env(&s3.server.address);
    env.push(("AWS_ALLOW_HTTP".to_owned(), "false".to_owned()));
    let store = open("s3://bucket/prefix", env, &s3.runtime).unwrap();
    unavailable(uploads(&store, &call(), "put"));
    assert!(s3.server.seen().is_empty());
}
