//! What was stored and what was deleted.

use serde::{Deserialize, Serialize};

/// An object that a component stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Stored {
    /// Its key under the operator's prefix.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Of an archive: the files in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Of an archive: their bytes before compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its digest, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Of an archive: what is in it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Tree>,
}

/// What a component deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Deleted {
    /// The directory's name in a policy, and the path in it.
    pub path: String,
    /// Files and links.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// The bytes of the files.
    pub bytes: u64,
    /// What lay there before, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Tree>,
    /// What lay there afterwards, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Tree>,
}

/// What is only counted, of much that was stored or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Besides {
    /// The objects, or the deletions.
    pub count: u64,
    /// The files that were deleted, where that is known.
    pub files: u64,
    /// The bytes, where they are known.
    pub bytes: u64,
}

impl Besides {
    /// Whether there is no more.
    pub fn is_nothing(&self) -> bool {
        self.count == 0
    }
}

/// A list of files, perhaps cut.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Tree {
    /// The first of them.
    pub entries: Vec<Entry>,
    /// How many more there are.
    pub left_out: u64,
    /// Whether there are more, nobody knows how many.
    pub and_more: bool,
}

/// A file, or a directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Entry {
    /// Its path, with `/` between the parts.
    pub path: String,
    /// Its size in bytes; none for a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}
