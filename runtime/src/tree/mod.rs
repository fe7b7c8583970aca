//! Trees of files: how much is in one, and deleting one. Links are never followed, neither the stack nor
//! the number of open directories grows with the tree's depth.

mod list;

use std::ffi::OsString;
use std::io;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, Metadata, ReadDir};

use crate::paths;
pub use list::Listing;
pub(crate) use list::list;

/// How many directories are open at a time, one inside the other.
const MAX_OPEN: usize = 32;
/// How deep a tree may be for its usage to be told: each level is open meanwhile.
const MAX_DEPTH: usize = 2 * MAX_OPEN;

/// How much there is, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Files, links, and whatever else is no directory.
    pub(crate) files: u64,
    pub(crate) directories: u64,
    /// Of the files.
    pub(crate) bytes: u64,
}

impl Tally {
    fn file(&mut self, metadata: &Metadata) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(if metadata.is_file() { metadata.len() } else { 0 });
    }
}

/// Why the work ended early.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    /// The file system failed.
    Io(io::Error),
    /// It was told to.
    Told(E),
}

impl<E> From<io::Error> for Stop<E> {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Asked before each entry; an error ends the work.
pub(crate) type GoOn<'a, E> = &'a dyn Fn() -> Result<(), E>;

/// A directory that is being worked through.
struct Level {
    dir: Dir,
    entries: ReadDir,
    /// Its name in the directory above.
    name: OsString,
}

impl Level {
    fn open(parent: &Dir, name: OsString) -> io::Result<Self> {
        let dir = parent.open_dir_nofollow(&name)?;
        let entries = dir.entries()?;
        Ok(Self { dir, entries, name })
    }
}

/// Counts what `path` holds; the empty path is `dir` itself.
pub(crate) fn usage<E>(dir: &Dir, path: &str, tally: &mut Tally, go_on: GoOn<'_, E>) -> Result<(), Stop<E>> {
    let top = if path.is_empty() {
        dir.try_clone()?
    } else {
        let (parent, name) = parent_of(dir, path)?;
        let metadata = parent.symlink_metadata(name)?;
        if !metadata.is_dir() {
            tally.file(&metadata);
            return Ok(());
        }
        tally.directories += 1;
        parent.open_dir_nofollow(name)?
    };
    let entries = top.entries()?;
    let mut levels = vec![Level { dir: top, entries, name: OsString::new() }];
    while let Some(level) = levels.last_mut() {
        go_on().map_err(Stop::Told)?;
        let Some(entry) = level.entries.next().transpose()? else {
            levels.pop();
            continue;
        };
        let metadata = entry.metadata()?;
        if !metadata.is_dir() {
            tally.file(&metadata);
            continue;
        }
        tally.directories += 1;
        let inner = Level::open(&level.dir, entry.file_name())?;
        levels.push(inner);
        if levels.len() > MAX_DEPTH {
            return Err(io::Error::other("the directories nest too deep").into());
        }
    }
    Ok(())
}

/// Deletes what is at `path`: a file, a link, or a directory with everything inside.
pub(crate) fn remove<E>(dir: &Dir, path: &str, tally: &mut Tally, go_on: GoOn<'_, E>) -> Result<(), Stop<E>> {
    go_on().map_err(Stop::Told)?;
    let (parent, name) = parent_of(dir, path)?;
    // Where nothing is there from the start, the caller is told.
    parent.symlink_metadata(name)?;
    remove_entry(&parent, name.into(), tally, go_on)
}

/// The directory that the last name of a path is in. A link on the way would lead to what the path does
/// not say.
pub(crate) fn parent_of<'a>(dir: &Dir, path: &'a str) -> io::Result<(Dir, &'a str)> {
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut parent = dir.try_clone()?;
    for part in parents.split('/').filter(|part| !part.is_empty()) {
        parent = parent.open_dir_nofollow(part)?;
    }
    Ok((parent, name))
}

/// What somebody else has deleted in the meantime is none the less gone.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes everything inside `dir`.
pub(crate) fn clear<E>(dir: &Dir, tally: &mut Tally, go_on: GoOn<'_, E>) -> Result<(), Stop<E>> {
    for entry in dir.entries()? {
        go_on().map_err(Stop::Told)?;
        remove_entry(dir, entry?.file_name(), tally, go_on)?;
    }
    Ok(())
}

fn remove_entry<E>(top: &Dir, name: OsString, tally: &mut Tally, go_on: GoOn<'_, E>) -> Result<(), Stop<E>> {
    let mut waiting = vec![name];
    while let Some(name) = waiting.pop() {
        let Some(metadata) = unless_gone(top.symlink_metadata(&name))? else { continue };
        if !metadata.is_dir() {
            if unless_gone(top.remove_file(&name))?.is_some() {
                tally.file(&metadata);
            }
            continue;
        }
        let mut levels: Vec<Level> = unless_gone(Level::open(top, name))?.into_iter().collect();
        loop {
            let depth = levels.len();
            let Some(level) = levels.last_mut() else { break };
            go_on().map_err(Stop::Told)?;
            let Some(entry) = unless_gone(level.entries.next().transpose())?.flatten() else {
                let Some(empty) = levels.pop() else { break };
                let above = levels.last().map_or(top, |level| &level.dir);
                if unless_gone(above.remove_dir(&empty.name))?.is_some() {
                    tally.directories += 1;
                }
                continue;
            };
            let Some(metadata) = unless_gone(entry.metadata())? else { continue };
            if !metadata.is_dir() {
                if unless_gone(level.dir.remove_file(entry.file_name()))?.is_some() {
                    tally.file(&metadata);
                }
            } else if depth < MAX_OPEN {
                let inner = unless_gone(Level::open(&level.dir, entry.file_name()))?;
                levels.extend(inner);
            } else {
                // Brought up beside the top, its depth starts anew.
                let brought_up = unused_name();
                level.dir.rename(entry.file_name(), top, &brought_up)?;
                waiting.push(brought_up);
            }
        }
    }
    Ok(())
}

fn unused_name() -> OsString {
    format!("{}.removing", paths::unused_name()).into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use cap_std::ambient_authority;

    use super::*;

    fn on() -> Result<(), ()> {
        Ok(())
    }

    fn open(path: &std::path::Path) -> Dir {
        Dir::open_ambient_dir(path, ambient_authority()).unwrap()
    }

    #[test]
    fn a_tree_goes_and_what_its_links_point_to_stays() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("keep"), "kept").unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/file"), "12345").unwrap();
        fs::write(root.path().join("sibling"), "kept").unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("a/link")).unwrap();
        std::os::unix::fs::symlink("../sibling", root.path().join("a/up")).unwrap();
        let dir = open(root.path());

        let mut counted = Tally::default();
        usage(&dir, "a", &mut counted, &on).unwrap();
        let mut gone = Tally::default();
        remove(&dir, "a", &mut gone, &on).unwrap();
        assert_eq!(gone, Tally { files: 3, directories: 2, bytes: 5 });
        assert_eq!(counted, gone);
        assert!(!root.path().join("a").exists());
        assert!(root.path().join("sibling").exists() && outside.path().join("keep").exists());
    }

    #[test]
    fn a_link_that_is_named_itself_goes_and_not_its_target() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("target")).unwrap();
        fs::write(root.path().join("target/keep"), "").unwrap();
        std::os::unix::fs::symlink("target", root.path().join("link")).unwrap();
        remove(&open(root.path()), "link", &mut Tally::default(), &on).unwrap();
        assert!(root.path().join("target/keep").exists());
        assert!(fs::symlink_metadata(root.path().join("link")).is_err());
    }

    #[test]
    fn a_link_on_the_way_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("other/inner")).unwrap();
        fs::write(root.path().join("other/keep"), "").unwrap();
        fs::create_dir(root.path().join("save")).unwrap();
        std::os::unix::fs::symlink("../other", root.path().join("save/link")).unwrap();
        let dir = open(root.path());
        for path in ["save/link/keep", "save/link/inner"] {
            remove(&dir, path, &mut Tally::default(), &on).unwrap_err();
            usage(&dir, path, &mut Tally::default(), &on).unwrap_err();
        }
        assert!(root.path().join("other/keep").exists() && root.path().join("other/inner").exists());
    }

    #[test]
    fn what_goes_by_itself_in_the_meantime_keeps_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d"] {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("f"), "").unwrap();
        }
        // Somebody deletes one file after the other, always the one that comes next.
        let raced = std::cell::Cell::new(0);
        let go_on = || {
            for name in ["a", "b", "c", "d"].into_iter().skip(raced.replace(raced.get() + 1)).take(1) {
                let _ = fs::remove_dir_all(root.path().join(name));
            }
            Ok::<_, ()>(())
        };
        clear(&open(root.path()), &mut Tally::default(), &go_on).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_tree_deeper_than_the_open_directories_goes_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let dir = open(root.path());
        let mut level = dir.try_clone().unwrap();
        for _ in 0..2_000 {
            level.create_dir("d").unwrap();
            level.write("f", "x").unwrap();
            level = level.open_dir("d").unwrap();
        }
        let mut gone = Tally::default();
        clear(&dir, &mut gone, &on).unwrap();
        assert_eq!(gone, Tally { files: 2_000, directories: 2_000, bytes: 2_000 });
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn it_ends_between_two_entries_when_it_is_told_to() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let left = std::cell::Cell::new(2);
        let go_on = || match left.replace(left.get() - 1) {
            0 => Err("aborted"),
            _ => Ok(()),
        };
        let mut gone = Tally::default();
        let stop = clear(&open(root.path()), &mut gone, &go_on).unwrap_err();
        assert!(matches!(stop, Stop::Told("aborted")));
        let stayed: Vec<PathBuf> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(stayed.len() as u64, 4 - gone.files);
        assert!(!stayed.is_empty());
    }
}
