//! A store that is a directory: what lies in it beside objects, planted by somebody else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use flip_runtime::services::{ArchiveLimits, ObjectStore, ServiceError, Store};
use flip_wasm_tests::hostile::objects::{LINKS, left, plant};
use flip_wasm_tests::servers::s3::{PART, files, open, source};
use flip_wasm_tests::servers::{call, runtime};
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn store(root: &Path, runtime: &Runtime) -> Store {
    open(&Store::url_of(root).unwrap(), Vec::new(), runtime).unwrap()
}

/// What is said of reading and of looking at what has this key.
fn read(store: &Store, key: &str) -> Vec<ServiceError> {
    let got = [(0, 9), (2, 1), (0, 0), (100, 1)]
        .map(|(offset, len)| store.get(&call(), key, offset, len).map(drop));
    let all = got.into_iter().chain([store.head(&call(), key).map(drop)]);
    all.map(|outcome| outcome.unwrap_err()).collect()
}

/// What is said of storing under this key, in one part, as an archive of one, and of several.
fn stored(store: &Store, key: &str) -> Vec<ServiceError> {
    let archives = [0, 2].map(|parts| {
        let (_kept, source) = source(parts);
        store.put_archive(&call(), key, &source, ArchiveLimits::default()).map(drop)
    });
    let all = archives.into_iter().chain([store.put(&call(), key, b"x".to_vec()).map(drop)]);
    all.map(|outcome| outcome.unwrap_err()).collect()
}

#[test]
fn a_link_leads_nowhere_wherever_it_leads() {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    plant(folder.path());
    symlink(folder.path().join("outside"), folder.path().join("store/own/absolute")).unwrap();
    let store = store(&folder.path().join("store"), &runtime);
    let before = left(folder.path());
    let told = |link: &str| {
        let mut told = Vec::new();
        for inner in ["", "/secret", "/deep/secret", "/gone"] {
            let read = read(&store, &format!("own/{link}{inner}"));
            assert!(read.iter().all(|error| matches!(error, ServiceError::NotFound(_))), "{read:?}");
            told.extend(read);
            let stored = stored(&store, &format!("own/{link}{inner}"));
            let invalid = stored.iter().all(|error| matches!(error, ServiceError::InvalidArgument(_)));
            assert!(invalid, "{link}{inner}: {stored:?}");
            told.extend(stored);
        }
        told.iter().map(|told| told.to_string().replace(link, "LINK")).collect::<Vec<_>>()
    };
    let dangling = told("dangling");
    assert!(
        dangling.iter().any(|told| told.contains("a part of it is a link, or no directory")),
        "{dangling:?}"
    );
    for link in ["absolute"].into_iter().chain(LINKS.map(|(link, _)| link)) {
        assert_eq!(told(link), dangling, "{link}");
    }
    assert_eq!(left(folder.path()), before);
}

#[test]
fn a_root_that_the_operator_made_a_link_is_followed() {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    fs::create_dir_all(folder.path().join("disk/objects")).unwrap();
    symlink("disk/objects", folder.path().join("store")).unwrap();
    let store = store(&folder.path().join("store"), &runtime);
    store.put(&call(), "a/b", b"mine".to_vec()).unwrap();
    assert_eq!(store.get(&call(), "a/b", 1, 2).unwrap(), "in");
    assert_eq!(files(&folder.path().join("disk")), ["objects/a/b"]);
}

#[test]
fn what_is_no_regular_file_is_no_object_and_is_never_waited_for() {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let store = store(folder.path(), &runtime);
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe"), 0o600.into()).unwrap();
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    for key in ["pipe", "socket", "folder"] {
        let read = read(&store, key);
        assert!(read.iter().all(|error| matches!(error, ServiceError::NotFound(_))), "{key}: {read:?}");
        let stored = stored(&store, key);
        assert!(stored.iter().all(|error| error.to_string().contains("exists")), "{key}: {stored:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn an_object_is_no_folder_of_others() {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let store = store(folder.path(), &runtime);
    store.put(&call(), "a", b"x".to_vec()).unwrap();
    for key in ["a/b", "a/b/c"] {
        let read = read(&store, key);
        assert!(read.iter().all(|error| matches!(error, ServiceError::NotFound(_))), "{read:?}");
        let stored = stored(&store, key);
        assert!(stored.iter().all(|error| matches!(error, ServiceError::InvalidArgument(_))), "{stored:?}");
    }
    assert_eq!(files(folder.path()), ["a"]);
}

#[test]
fn a_key_of_many_parts_is_stored_and_leaves_nothing_where_it_fails() {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let store = store(folder.path(), &runtime);
    let deep = "d/".repeat(500);
    let (_kept, large) = source(2);
    let limits = ArchiveLimits { bytes: 2 * PART as u64, ..ArchiveLimits::default() };
    store.put_archive(&call(), &format!("{deep}a"), &large, limits).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    store.put(&call(), &format!("{deep}a"), b"x".to_vec()).unwrap();
    assert_eq!(store.head(&call(), &format!("{deep}a")).unwrap().size, 1);
}

#[test]
fn who_may_read_what_is_stored_is_as_with_any_file() {
    let (runtime, folder) = (runtime(), TempDir::new().unwrap());
    let store = store(folder.path(), &runtime);
    store.put(&call(), "folder/object", Vec::new()).unwrap();
    fs::create_dir(folder.path().join("made")).unwrap();
    fs::write(folder.path().join("written"), "").unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    assert_eq!((mode("folder"), mode("folder/object")), (mode("made"), mode("written")));
}
