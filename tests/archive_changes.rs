//! Archives of directories that change meanwhile, and of any directory there can be.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flip_runtime::services::{ArchiveLimits, ObjectStore, StoreOptions};
use flip_wasm_tests::servers::archives::{Fixture, contents, names, noise};
use flip_wasm_tests::servers::call;
use proptest::prelude::*;
use tempfile::TempDir;
use zip::ZipArchive;

/// Does `change` over and over while `body` runs.
fn while_changing(change: impl Fn(u32) + Send + Sync, body: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                change(turn);
                turn += 1;
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        done.store(true, Ordering::Relaxed);
        result.unwrap();
    });
}

#[test]
fn what_was_read_of_a_changing_file_is_what_is_stored() {
    let fixture = Fixture::new();
    let len = 3 << 20;
    fixture.write("changing", noise(len));
    let path = fixture.path("changing");
    let change = |turn: u32| {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        if turn.is_multiple_of(3) {
            file.set_len(1 << 20).unwrap();
        } else {
            file.write_all(&[b'x'; 300_000]).unwrap();
        }
    };
    while_changing(change, || {
        for turn in 0..30 {
            let source = Dir::open_ambient_dir(fixture.directory.path(), ambient_authority()).unwrap();
            let key = format!("{turn}.zip");
            let archived =
                fixture.store.put_archive(&call(), &key, &source, ArchiveLimits::default()).unwrap();
            let bytes = fixture.store.get(&call(), &key, 0, u32::MAX).unwrap();
            let mut zip = ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
            assert_eq!(contents(&mut zip, "changing").len() as u64, archived.bytes);
        }
    });
}

#[test]
pub fn a_file_that_becomes_a_link_is_not_followed() {
    let fixture = Fixture::new();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret"), "the secret").unwrap();
    let (file, link) = (fixture.path("entry"), fixture.path(".link"));
    let change = |turn: u32| {
        if turn.is_multiple_of(2) {
            let _ = fs::remove_file(&link);
            symlink(outside.path().join("secret"), &link).unwrap();
            fs::rename(&link, &file).unwrap();
        } else {
            fs::write(&link, "harmless").unwrap();
            fs::rename(&link, &file).unwrap();
        }
    };
    change(1);
    while_changing(change, || {
        for turn in 0..200 {
            let source = Dir::open_ambient_dir(fixture.directory.path(), ambient_authority()).unwrap();
            let key = format!("{turn}.zip");
            fixture.store.put_archive(&call(), &key, &source, ArchiveLimits::default()).unwrap();
            let bytes = fixture.store.get(&call(), &key, 0, u32::MAX).unwrap();
            let mut zip = ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
            for name in names(&mut zip) {
                assert_ne!(contents(&mut zip, &name), b"the secret");
            }
        }
    });
}

#[derive(Clone, Debug)]
enum Node {
    File(Vec<u8>),
    Directory(BTreeMap<String, Node>),
}

impl Node {
    fn make(&self, path: &Path) {
        match self {
            Self::File(contents) => fs::write(path, contents).unwrap(),
            Self::Directory(nodes) => {
                fs::create_dir_all(path).unwrap();
                nodes.iter().for_each(|(name, node)| node.make(&path.join(name)));
            }
        }
    }

    fn expected(&self, path: &str, entries: &mut Vec<(String, Vec<u8>)>) {
        match self {
            Self::File(contents) => entries.push((path.to_owned(), contents.clone())),
            Self::Directory(nodes) => {
                let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
                if !prefix.is_empty() {
                    entries.push((prefix.clone(), Vec::new()));
                }
                nodes.iter().for_each(|(name, node)| node.expected(&format!("{prefix}{name}"), entries));
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Node> {
    let file = prop_oneof![
        (0..5_000_usize).prop_map(noise),
        (0..5_000_usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ];
    let node = file.prop_map(Node::File).prop_recursive(4, 24, 6, |inner| {
        prop::collection::btree_map("[a-cß.]{1,6}x", inner, 0..6).prop_map(Node::Directory)
    });
    prop::collection::btree_map("[a-cß.]{1,6}x", node, 0..6).prop_map(Node::Directory)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_tree_comes_back_as_it_was(tree in tree(), part_size in 1_usize..20_000) {
        let fixture = Fixture::with(StoreOptions { part_size: part_size.max(40), ..StoreOptions::default() });
        tree.make(fixture.directory.path());
        let mut expected = Vec::new();
        tree.expected("", &mut expected);
        let (archived, mut zip) = fixture.archive();
        let found: Vec<_> = names(&mut zip)
            .into_iter()
            .map(|name| { let contents = contents(&mut zip, &name); (name, contents) })
            .collect();
        prop_assert_eq!(archived.entries.len(), expected.len());
        prop_assert_eq!(found, expected);
    }
}
