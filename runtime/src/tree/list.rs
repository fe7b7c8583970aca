//! What lies in a tree: the first of its entries, for a report.

use std::ffi::OsString;
use std::io;

use cap_fs_ext::DirExt;
use cap_std::fs::Dir;

use super::{GoOn, Level, MAX_OPEN, Stop, parent_of};
use crate::host::log::one_line;

/// The longest path in a list, in bytes.
const MAX_PATH: usize = 512;

/// What lies in a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Paths inside the tree, in order, each with its size; a directory has none.
    pub entries: Vec<(String, Option<u64>)>,
    /// Whether there is more than that.
    pub cut: bool,
}

impl Listing {
    fn add(&mut self, path: &str, size: Option<u64>) {
        self.entries.push((one_line(path, MAX_PATH), size));
    }
}

/// Lists what `path` holds, at most so many entries; the empty path is `dir` itself, and a path that leads to nothing
/// holds nothing. No link is followed.
pub(crate) fn list<E>(dir: &Dir, path: &str, at_most: usize, go_on: GoOn<'_, E>) -> Result<Listing, Stop<E>> {
    let mut listing = Listing::default();
    match walk(dir, path, at_most, go_on, &mut listing) {
        Err(Stop::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
        walked => walked?,
    }
    listing.entries.sort();
    Ok(listing)
}

fn walk<E>(
    dir: &Dir,
    path: &str,
    at_most: usize,
    go_on: GoOn<'_, E>,
    listing: &mut Listing,
) -> Result<(), Stop<E>> {
    let top = if path.is_empty() {
        dir.try_clone()?
    } else {
        let (parent, name) = parent_of(dir, path)?;
        let metadata = parent.symlink_metadata(name)?;
        if !metadata.is_dir() {
            listing.add(name, Some(metadata.len()));
            return Ok(());
        }
        parent.open_dir_nofollow(name)?
    };
    let entries = top.entries()?;
    let mut levels = vec![(String::new(), Level { dir: top, entries, name: OsString::new() })];
    while let Some((above, level)) = levels.last_mut() {
        go_on().map_err(Stop::Told)?;
        let Some(entry) = level.entries.next().transpose()? else {
            levels.pop();
            continue;
        };
        if listing.entries.len() >= at_most {
            listing.cut = true;
            break;
        }
        let path = format!("{above}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata()?;
        if !metadata.is_dir() {
            listing.add(&path, Some(metadata.len()));
            continue;
        }
        listing.add(&path, None);
        let inner = Level::open(&level.dir, entry.file_name())?;
        if levels.len() < MAX_OPEN {
            levels.push((format!("{path}/"), inner));
        } else {
            listing.cut = true;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use cap_std::ambient_authority;

    use super::*;

    fn on() -> Result<(), ()> {
        Ok(())
    }

    fn listed(root: &std::path::Path, path: &str, at_most: usize) -> (Vec<String>, bool) {
        let dir = Dir::open_ambient_dir(root, ambient_authority()).unwrap();
        let listing = list(&dir, path, at_most, &on).unwrap();
        (listing.entries.into_iter().map(|(path, _)| path).collect(), listing.cut)
    }

    #[test]
    fn a_tree_is_listed_without_what_its_links_lead_to() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "").unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/file"), "12345").unwrap();
        symlink(outside.path(), root.path().join("a/link")).unwrap();
        symlink(outside.path(), root.path().join("link")).unwrap();
        let all = ["a", "a/b", "a/b/file", "a/link", "link"].map(str::to_owned).to_vec();
        assert_eq!(listed(root.path(), "", 10), (all, false));
        assert_eq!(listed(root.path(), "a", 10).0, ["b", "b/file", "link"]);
        assert_eq!(listed(root.path(), "a/b/file", 10).0, ["file"]);
        assert_eq!(listed(root.path(), "gone", 10), (vec![], false));
        let dir = Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        list(&dir, "link/secret", 10, &on).unwrap_err();
    }

    #[test]
    fn a_large_or_deep_tree_is_listed_in_part() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..50 {
            fs::write(root.path().join(n.to_string()), "").unwrap();
        }
        let (some, cut) = listed(root.path(), "", 20);
        assert_eq!((some.len(), cut), (20, true));
        assert_eq!(listed(root.path(), "", 50).0.len(), 50);
        let deep = tempfile::tempdir().unwrap();
        fs::create_dir_all(deep.path().join("d/".repeat(100))).unwrap();
        let (some, cut) = listed(deep.path(), "", 200);
        assert_eq!((some.len(), cut), (MAX_OPEN, true));
    }
}
