//! A directory that another process deletes, root and all, while a guest that has it open lists it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use flip_runtime::Limits;
use serde_json::{Value, json};

use super::files::granting;
use super::quotas::fill;
use super::table::Ended;
use crate::EVERYTHING;

/// How often it is tried at most, until a listing has met the directory half deleted.
pub const TRIES: u32 = 20;

/// How many files lie there: one call lists them all.
pub const FILES: u32 = 1_000;

/// The file that says that the images are open, in the workspace.
pub const BEGUN: &str = "begun";

/// Lists the images until they are no longer there, and then once more.
pub fn listing() -> Value {
    json!({"list-until-gone": ["images", "workspace", BEGUN]})
}

/// Deletes the folder, root and all, once this file is there; not at all where it does not come.
///
/// # Panics
///
/// Where it cannot.
pub fn delete_after(begun: &Path, folder: &Path) {
    for _ in 0..30_000 {
        if begun.exists() {
            return fs::remove_dir_all(folder).unwrap();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a listing has met the directory half deleted.
///
/// # Panics
///
/// Where the last one, of what had gone, had no answer that says so.
pub fn came_short(told: &str) -> bool {
    let (short, last) = told.split_once(" came short, the last: ").unwrap_or_else(|| panic!("{told}"));
    assert!(last == "ok []" || last.starts_with("not found: "), "{told}");
    short != "0"
}

/// Each listing while it is deleted comes to its end, and one of what has gone as well.
pub(super) fn while_listed(limits: Limits) -> Ended {
    let try_once = || {
        let site = granting(EVERYTHING, limits.clone());
        let (begun, images) = (site.path("workspace").join(BEGUN), site.path("images"));
        fill(&images, FILES);
        let told = thread::scope(|scope| {
            scope.spawn(|| delete_after(&begun, &images));
            site.does(listing())
        });
        assert!(!images.exists(), "it was not deleted");
        came_short(&told)
    };
    assert!((0..TRIES).any(|_| try_once()), "it was never listed while it was deleted");
    Ok("gone".to_owned())
}
