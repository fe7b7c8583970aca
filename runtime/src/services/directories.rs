//! What does the work behind the interface `storage`: directories, as handles.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

pub use crate::bindings::flip::fl::storage::Root;

/// Where the directories are that grants name.
pub trait Directories: Send + Sync {
    /// Opens one of them.
    ///
    /// # Errors
    ///
    /// `NotFound` where it is not there.
    fn open(&self, root: Root) -> io::Result<Dir>;
}

/// The directories of one server or site, by their paths. They are opened when they are asked for: a
/// run may make and remove them.
#[derive(Clone, Debug, Default)]
pub struct Layout(BTreeMap<Root, PathBuf>);

impl Layout {
    /// No directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn with(mut self, root: Root, path: impl Into<PathBuf>) -> Self {
        self.0.insert(root, path.into());
        self
    }

    /// Where it is.
    pub fn path(&self, root: Root) -> Option<&std::path::Path> {
        self.0.get(&root).map(PathBuf::as_path)
    }
}

impl Directories for Layout {
    fn open(&self, root: Root) -> io::Result<Dir> {
        let path = self.0.get(&root).ok_or(io::ErrorKind::NotFound)?;
        Dir::open_ambient_dir(path, ambient_authority())
    }
}

impl Root {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Job, Self::App, Self::Workspace, Self::Images, Self::Safehouse, Self::Checkpoints];

    /// Its name in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::App => "app",
            Self::Workspace => "workspace",
            Self::Images => "images",
            Self::Safehouse => "safehouse",
            Self::Checkpoints => "checkpoints",
        }
    }
}

impl PartialOrd for Root {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Root {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (*self as u8).cmp(&(*other as u8))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
