//! Compiled components on disk, so that a program need not compile them on each start.
//!
//! Compiled code is machine code: whoever can write it runs as this process. So the cache is a directory
//! that only its user can write to, each entry is checked for that again, and an entry is named after
//! the component's digest and the engine's own version and configuration. Whatever does not fit is
//! compiled anew.

use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use crate::inspect::Digest;
use crate::raw::machine_code::Compiled;

/// A private directory of compiled components.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    /// How many bytes of entries are kept.
    kept: u64,
}

/// Which rules components are read by: raised where these, or what is read off, change, so that no entry says what
/// older ones let pass.
const READING: u32 = 2;

/// An entry starts with its seal.
const DIGEST_LEN: usize = 32;

/// Compiled components are some times the size of their source; more than this is none.
pub(crate) const MAX_ENTRY: u64 = 1 << 30;

/// How much is kept: a thousand components like the built-in ones, or one of the largest. Whoever brings one component
/// after the other fills no disk.
const KEPT: u64 = MAX_ENTRY;

/// How the name of an entry in the making ends.
const MAKING: &str = ".cwasm.tmp";

/// An entry that has been in the making for so long is nobody's any more: its process was killed.
const ABANDONED: Duration = Duration::from_secs(3_600);

impl Cache {
    /// Opens the directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// Where somebody else may write to it, or this user may not.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let metadata = fs::symlink_metadata(directory)?;
        if !metadata.is_dir() || !is_private(&metadata) {
            return Err(io::Error::other(
                "not a directory that only its owner can write to; cached code would be anyone's",
            ));
        }
        // Entries can be made in it, not only read.
        tempfile::tempfile_in(directory)?;
        Ok(Self { directory: directory.to_owned(), kept: KEPT })
    }

    /// The compiled form of the component with this digest, if it is here and whole.
    pub(crate) fn load(&self, engine: &Engine, digest: &Digest) -> Option<Compiled> {
        let entry = read_entry(&self.entry(engine, digest)).ok()?;
        let (expected, code) = entry.split_at_checked(DIGEST_LEN)?;
        if seal(digest, code) != expected {
            return None;
        }
        Compiled::from_bytes(engine, code).ok()
    }

    /// Keeps a compiled component. Failing to is not an error: it will be compiled again.
    pub(crate) fn store(&self, engine: &Engine, compiled: &Compiled) {
        if let Err(error) = self.try_store(engine, compiled) {
            tracing::debug!("not cached: {error:#}");
        }
    }

    fn try_store(&self, engine: &Engine, compiled: &Compiled) -> wasmtime::Result<()> {
        let (digest, code) = (&compiled.inspection.sha256, compiled.to_bytes()?);
        // Private from its first byte, and complete when it gets its name.
        let mut file = tempfile::Builder::new().suffix(MAKING).tempfile_in(&self.directory)?;
        file.write_all(&seal(digest, &code))?;
        file.write_all(&code)?;
        let entry = self.entry(engine, digest);
        file.persist(&entry)?;
        self.make_room(&entry)?;
        Ok(())
    }

    /// Removes the entries that were made first, until no more are left than are kept; that one stays. What is in the
    /// making counts too, and goes where its process has left it behind.
    fn make_room(&self, newest: &Path) -> io::Result<()> {
        let (mut entries, mut making) = (Vec::new(), 0_u64);
        for found in fs::read_dir(&self.directory)? {
            let path = found?.path();
            // Another process may have removed it.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(MAKING) {
                let age = SystemTime::now().duration_since(metadata.modified()?);
                match age.is_ok_and(|age| age > ABANDONED) {
                    true => remove(&path)?,
                    false => making = making.saturating_add(metadata.len()),
                }
            } else if name.ends_with(".cwasm") {
                entries.push((metadata.modified()?, metadata.len(), path));
            }
        }
        entries.sort();
        let mut all = entries.iter().fold(making, |all, (_, len, _)| all.saturating_add(*len));
        for (_, len, path) in entries.iter().filter(|(.., path)| path != newest) {
            if all <= self.kept {
                break;
            }
            remove(path)?;
            all = all.saturating_sub(*len);
        }
        Ok(())
    }

    fn entry(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        READING.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.directory.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }
}

/// Removes a file, unless another process has done so.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The digest of compiled code and of what it was compiled from: an entry that was given another's name
/// is not its.
fn seal(source: &Digest, code: &[u8]) -> [u8; DIGEST_LEN] {
    Sha256::new().chain_update(source.bytes()).chain_update(code).finalize().into()
}

fn read_entry(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_private(&metadata) || metadata.len() > MAX_ENTRY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_ENTRY).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether nobody but this user (and root) can have written it.
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn engine_and_component() -> (Engine, Compiled) {
        let engine = crate::engine::engine(10).unwrap().0;
        let compiled = crate::compile::compile(&engine, b"\0asm\x0d\0\x01\0").ok().unwrap();
        (engine, compiled)
    }

    #[test]
    fn an_entry_comes_back_and_a_damaged_one_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("cache")).unwrap();
        let (engine, component) = engine_and_component();
        let digest = component.inspection.sha256;
        assert!(cache.load(&engine, &digest).is_none());
        cache.store(&engine, &component);
        let loaded = cache.load(&engine, &digest).unwrap();
        assert_eq!((loaded.inspection.sha256, loaded.inspection.size), (digest, 8));

        let entry = cache.entry(&engine, &digest);
        let mut bytes = fs::read(&entry).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&entry, bytes).unwrap();
        assert!(cache.load(&engine, &digest).is_none());
    }

    #[test]
    fn an_entry_under_the_name_of_another_component_was_loaded_as_that() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("cache")).unwrap();
        let (engine, component) = engine_and_component();
        let (one, other) = (component.inspection.sha256, Digest::of(b"other source"));
        cache.store(&engine, &component);
        fs::rename(cache.entry(&engine, &one), cache.entry(&engine, &other)).unwrap();
        assert!(cache.load(&engine, &other).is_none());
    }

    #[test]
    fn components_without_end_filled_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(&directory.path().join("cache")).unwrap();
        let (engine, mut component) = engine_and_component();
        let digests = [b"one", b"two", b"six"].map(|source| Digest::of(source));
        for (age, digest) in [2, 1, 0].into_iter().zip(digests) {
            component.inspection.sha256 = digest;
            cache.store(&engine, &component);
            let entry = File::options().write(true).open(cache.entry(&engine, &digest)).unwrap();
            entry.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            cache.kept = 2 * entry.metadata().unwrap().len();
        }
        assert_eq!(digests.map(|digest| cache.load(&engine, &digest).is_some()), [false, true, true]);
        // However large it is, what was made last stays.
        cache.kept = 0;
        cache.store(&engine, &component);
        assert_eq!(digests.map(|digest| cache.load(&engine, &digest).is_some()), [false, false, true]);
    }

    #[test]
    fn what_killed_processes_left_in_the_making_filled_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(&directory.path().join("cache")).unwrap();
        let (engine, mut component) = engine_and_component();
        let [older, newer] = [b"one", b"two"].map(|source| Digest::of(source));
        component.inspection.sha256 = older;
        cache.store(&engine, &component);
        let len = fs::metadata(cache.entry(&engine, &older)).unwrap().len();
        cache.kept = 3 * len;
        let left = |name: &str, age: u64| {
            let path = cache.directory.join(name);
            let file = File::create(&path).unwrap();
            file.set_len(2 * len).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            path
        };
        let (abandoned, under_way) = (left("a.cwasm.tmp", 3_700), left("b.cwasm.tmp", 3_500));
        let another = left("notes.txt", 3_700);
        component.inspection.sha256 = newer;
        cache.store(&engine, &component);
        assert_eq!([&abandoned, &under_way, &another].map(|path| path.exists()), [false, true, true]);
        // There was room for both but for what is under way.
        assert_eq!([older, newer].map(|digest| cache.load(&engine, &digest).is_some()), [false, true]);
        assert_eq!(fs::read_dir(&cache.directory).unwrap().count(), 3);
    }

    #[test]
    fn what_others_can_write_is_not_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("cache")).unwrap();
        let (engine, component) = engine_and_component();
        let digest = component.inspection.sha256;
        cache.store(&engine, &component);
        let entry = cache.entry(&engine, &digest);
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(cache.load(&engine, &digest).is_none());

        let open = directory.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::open(&open).is_err());
    }
}
