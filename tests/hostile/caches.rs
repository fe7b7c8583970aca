//! Compiled code that was tampered with, in a cache.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use flip_runtime::{Digest, Limits, Runtime};

use super::guest::process;
use super::loading::shell;
use super::table::Ended;

/// A private cache with one entry in it.
fn with_cache(work: impl FnOnce(&std::path::Path, &dyn Fn()) -> Ended) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let wasm = shell();
    let load = || {
        let runtime = Runtime::builder().cache(&cache).build().unwrap();
        let component = runtime.load_bytes("hostile", &wasm).unwrap();
        let mut filter = component.instance().build().unwrap();
        filter.filter(crate::update(), &crate::context()).unwrap();
    };
    load();
    work(&cache, &load)
}

fn entry(cache: &std::path::Path) -> std::path::PathBuf {
    fs::read_dir(cache).unwrap().next().unwrap().unwrap().path()
}

pub(super) fn tampered_cache(_: Limits) -> Ended {
    with_cache(|cache, load| {
        let entry = entry(cache);
        let whole = fs::read(&entry).unwrap();
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        };
        let longer = [&whole[..], b"more"].concat();
        for bytes in [
            flipped(40),
            flipped(whole.len() - 1),
            longer,
            whole[..whole.len() / 2].to_vec(),
            Vec::new(),
            vec![0x90; 10_000],
        ] {
            fs::write(&entry, &bytes).unwrap();
            load();
            assert_ne!(fs::read(&entry).unwrap(), bytes, "what was tampered with was used");
        }
        Ok("compiled anew".to_owned())
    })
}

/// The entry of a component, as an older compiler would have made it: whole, and sealed.
///
/// # Panics
///
/// Where the entry is no longer made as this says.
pub fn of_another_version(entry: &[u8], component: &[u8]) -> Vec<u8> {
    let digest = |bytes: &[u8]| -> Vec<u8> {
        let text = Digest::of(bytes).to_string();
        (0..32).map(|byte| u8::from_str_radix(&text[2 * byte..2 * byte + 2], 16).unwrap()).collect()
    };
    let sealed = |code: &[u8]| [digest(&[&digest(component), code].concat()), code.to_vec()].concat();
    let mut code = entry[32..].to_vec();
    assert_eq!(sealed(&code), entry);
    // A byte that is 0, the length of the version, its two digits, a length, and the machine that it compiled for.
    let is_version = |bytes: &[u8]| {
        bytes.starts_with(&[0, 2])
            && bytes[2..4].iter().all(u8::is_ascii_digit)
            && bytes[5..].starts_with(std::env::consts::ARCH.as_bytes())
    };
    let at = code.windows(16).position(is_version).unwrap();
    code[at + 3] ^= 1;
    sealed(&code)
}

pub(super) fn stale_entry(_: Limits) -> Ended {
    with_cache(|cache, load| {
        let entry = entry(cache);
        let stale = of_another_version(&fs::read(&entry).unwrap(), &shell());
        fs::write(&entry, &stale).unwrap();
        load();
        // Not the same as before, byte for byte: the compiler writes its settings down in any order.
        assert!(fs::read(&entry).unwrap() != stale, "it was not compiled anew");
        Ok("compiled anew".to_owned())
    })
}

pub(super) fn open_cache(_: Limits) -> Ended {
    with_cache(|cache, load| {
        let entry = entry(cache);
        // An entry that others can write to.
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
        load();
        assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600);
        // A directory that others can write to.
        fs::set_permissions(cache, fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(&entry, "garbage").unwrap();
        load();
        assert_eq!(fs::read(&entry).unwrap(), b"garbage");
        Ok("not used".to_owned())
    })
}

pub(super) fn linked_cache(_: Limits) -> Ended {
    with_cache(|cache, load| {
        let entry = entry(cache);
        let outside = cache.with_file_name("outside");
        fs::write(&outside, "garbage").unwrap();
        fs::remove_file(&entry).unwrap();
        std::os::unix::fs::symlink(&outside, &entry).unwrap();
        load();
        assert_eq!(fs::read(&outside).unwrap(), b"garbage");
        let moved = cache.with_file_name("moved");
        fs::rename(cache, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, cache).unwrap();
        let before = fs::read_dir(&moved).unwrap().count();
        fs::remove_file(fs::read_dir(&moved).unwrap().next().unwrap().unwrap().path()).unwrap();
        load();
        assert_eq!(fs::read_dir(&moved).unwrap().count(), before - 1);
        Ok("not used".to_owned())
    })
}

/// What was compiled of the one that zeroes lies under the name of the one that does nothing.
pub(super) fn renamed_entry(_: Limits) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
    let run = |cache: &std::path::Path, wasm: &[u8]| {
        let runtime = Runtime::builder().cache(cache).build().unwrap();
        let component = runtime.load_bytes("hostile", wasm).unwrap();
        component.instance().build().unwrap().filter(crate::update(), &crate::context())
    };
    let traps = wat::parse_str(process("unreachable")).unwrap();
    run(&one, &traps).unwrap_err();
    run(&other, &shell())?;
    fs::copy(entry(&one), entry(&other)).unwrap();
    run(&other, &shell()).map(|_| "it did what it does".to_owned())
}
