//! Compiled code that was tampered with, in the cache of the program.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use crate::support::jobs::names;
use crate::support::{Site, shown};
use flip_wasm_tests::MISBEHAVING_FILTER;
use flip_wasm_tests::hostile::{caches, loading};

/// What is said where there is no cache to use.
const UNUSED: &str = "no private directory: components are compiled on each start";

/// A site whose cache holds one entry.
struct Cached {
    site: Site,
    /// What goes out.
    out: Vec<u8>,
}

impl Cached {
    fn new() -> Self {
        let site = Site::new().hostile();
        site.write("guest.wasm", MISBEHAVING_FILTER);
        let mut cached = Self { site, out: Vec::new() };
        cached.out = cached.run().0;
        assert_eq!(names(&cached.site.path("cache")).len(), 1);
        // What is whole is left as it is.
        let whole = fs::read(cached.entry()).unwrap();
        cached.load();
        assert_eq!(fs::read(cached.entry()).unwrap(), whole);
        cached
    }

    /// What goes out, and what is said.
    fn run(&self) -> (Vec<u8>, String) {
        let _ = fs::remove_file(self.site.path("out.safetensors"));
        let args = ["filter", "guest.wasm", "--args", r#"{"deed": "zero-half"}"#, "--cache", "cache"];
        let more = ["--in", "update.safetensors", "--out", "out.safetensors"];
        let output = self.site.output(&[&args[..], &more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        let said = String::from_utf8(output.stderr).unwrap();
        (fs::read(self.site.path("out.safetensors")).unwrap(), said)
    }

    /// Whatever the cache holds, the right data goes out; what is said.
    #[track_caller]
    fn load(&self) -> String {
        let (out, said) = self.run();
        assert!(out == self.out, "something else went out");
        said
    }

    fn entry(&self) -> PathBuf {
        let cache = self.site.path("cache");
        let names = names(&cache);
        assert_eq!(names.len(), 1, "{names:?}");
        cache.join(&names[0])
    }
}

#[test]
fn an_entry_that_was_tampered_with_is_compiled_anew() {
    let cached = Cached::new();
    let entry = cached.entry();
    let whole = fs::read(&entry).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let longer = [&whole[..], b"more"].concat();
    for bytes in [
        flipped(0),
        flipped(40),
        flipped(whole.len() - 1),
        longer,
        whole[..whole.len() / 2].to_vec(),
        Vec::new(),
        vec![0x90; 10_000],
    ] {
        fs::write(&entry, &bytes).unwrap();
        assert!(!cached.load().contains(UNUSED));
        assert_ne!(fs::read(cached.entry()).unwrap(), bytes, "what was tampered with was used");
    }
    // The last one is whole again: it is used, and left as it is.
    let anew = fs::read(&entry).unwrap();
    cached.load();
    assert_eq!(fs::read(&entry).unwrap(), anew);
}

#[test]
fn an_entry_of_another_version_is_compiled_anew() {
    let cached = Cached::new();
    let entry = cached.entry();
    let stale = caches::of_another_version(&fs::read(&entry).unwrap(), MISBEHAVING_FILTER);
    fs::write(&entry, &stale).unwrap();
    assert!(!cached.load().contains(UNUSED));
    assert_ne!(fs::read(cached.entry()).unwrap(), stale, "it was used");
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let cached = Cached::new();
    let entry = cached.entry();
    let mode = || fs::metadata(&entry).unwrap().permissions().mode() & 0o777;
    // An entry that others can write to is made anew.
    fs::set_permissions(&entry, Permissions::from_mode(0o666)).unwrap();
    cached.load();
    assert_eq!(mode(), 0o600);
    // A directory that others can write to is left as it is.
    fs::set_permissions(cached.site.path("cache"), Permissions::from_mode(0o777)).unwrap();
    fs::write(&entry, "garbage").unwrap();
    let said = cached.load();
    assert!(said.contains(UNUSED), "{said}");
    assert_eq!(fs::read(cached.entry()).unwrap(), b"garbage");
}

#[test]
fn a_cache_that_is_a_link_is_not_used() {
    let cached = Cached::new();
    let (entry, outside) = (cached.entry(), cached.site.path("outside"));
    fs::write(&outside, "garbage").unwrap();
    fs::remove_file(&entry).unwrap();
    symlink(&outside, &entry).unwrap();
    cached.load();
    assert_eq!(fs::read(&outside).unwrap(), b"garbage");
    assert!(fs::symlink_metadata(&entry).unwrap().is_file(), "the link made way");

    let (cache, moved) = (cached.site.path("cache"), cached.site.path("moved"));
    fs::rename(&cache, &moved).unwrap();
    symlink(&moved, &cache).unwrap();
    fs::remove_file(moved.join(&names(&moved)[0])).unwrap();
    let said = cached.load();
    assert!(said.contains(UNUSED), "{said}");
    assert!(names(&moved).is_empty(), "{:?}", names(&moved));
}

/// What was compiled of one that does nothing, in the place of what was compiled of the other.
#[test]
fn an_entry_under_the_name_of_another_component_is_not_used() {
    let cached = Cached::new();
    let other = Site::new().hostile();
    other.write("guest.wasm", &loading::shell());
    let args = ["filter", "guest.wasm", "--cache", "cache", "--in", "update.safetensors"];
    let output = other.output(&[&args[..], &["--out", "out.safetensors"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let names = names(&other.path("cache"));
    assert_eq!(names.len(), 1, "{names:?}");
    let foreign = fs::read(other.path("cache").join(&names[0])).unwrap();
    fs::write(cached.entry(), &foreign).unwrap();
    assert!(!cached.load().contains(UNUSED));
    assert_ne!(fs::read(cached.entry()).unwrap(), foreign, "it was left as it was");
}
