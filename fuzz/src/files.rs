//! Files in memory, for readers that take a path.

use std::cell::LazyCell;
use std::path::Path;

use tempfile::TempDir;

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| {
        let builder = || tempfile::Builder::new().prefix("flip-wasm-fuzz-").to_owned();
        builder().tempdir_in(MEMORY).or_else(|_| builder().tempdir()).unwrap()
    });
}

/// Runs `work` with this thread's folder; the last run's files are in it.
pub(crate) fn in_folder(work: impl FnOnce(&Path)) {
    FOLDER.with(|folder| work(folder.path()));
}

/// Writes a file, or sees that there is none.
pub(crate) fn put(path: &Path, data: Option<&[u8]>) {
    match data {
        Some(data) => std::fs::write(path, data).unwrap(),
        None => drop(std::fs::remove_file(path)),
    }
}
