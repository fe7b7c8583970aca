//! Archives in a store in memory, read back.

use std::fs;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flip_runtime::services::{ArchiveLimits, Archived, ObjectStore, ServiceError, Store, StoreOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zip::ZipArchive;

use super::{call, logged, runtime};

pub struct Fixture {
    pub directory: TempDir,
    pub store: Store,
    _runtime: Runtime,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(StoreOptions::default())
    }

    pub fn with(options: StoreOptions) -> Self {
        logged();
        let runtime = runtime();
        let store = Store::open("memory:///", [], options, runtime.handle().clone()).unwrap();
        Self { directory: TempDir::new().unwrap(), store, _runtime: runtime }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    pub fn try_archive(&self, limits: ArchiveLimits) -> Result<Archived, ServiceError> {
        let source = Dir::open_ambient_dir(self.directory.path(), ambient_authority()).unwrap();
        self.store.put_archive(&call(), "a.zip", &source, limits)
    }

    pub fn archive(&self) -> (Archived, ZipArchive<Cursor<Vec<u8>>>) {
        let archived = self.try_archive(ArchiveLimits::default()).unwrap();
        let bytes = self.store.get(&call(), "a.zip", 0, u32::MAX).unwrap();
        assert_eq!(bytes.len() as u64, archived.meta.size);
        (archived, ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap())
    }

    /// The archive must fail and leave nothing.
    pub fn refused(&self) -> String {
        self.refused_within(ArchiveLimits::default())
    }

    /// The same within these limits.
    pub fn refused_within(&self, limits: ArchiveLimits) -> String {
        let error = self.try_archive(limits).unwrap_err();
        let found = self.store.head(&call(), "a.zip");
        assert!(matches!(found, Err(ServiceError::NotFound(_))), "{found:?}");
        format!("{error:?}")
    }
}

pub fn names(zip: &mut ZipArchive<Cursor<Vec<u8>>>) -> Vec<String> {
    (0..zip.len()).map(|index| zip.by_index(index).unwrap().name().unwrap().into_owned()).collect()
}

/// Reading to the end checks the entry's checksum, too.
pub fn contents(zip: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Vec<u8> {
    let mut contents = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut contents).unwrap();
    contents
}

/// Bytes that do not compress.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}
