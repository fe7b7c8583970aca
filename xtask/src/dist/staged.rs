//! A folder that appears whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::process::root;

/// A folder in the making, beside the place that it will have; gone where it is dropped before.
pub struct Staged {
    place: PathBuf,
    /// Whether it takes the place of an earlier one.
    again: bool,
    /// What is only ours to read; the folder itself is like any other.
    private: TempDir,
    path: PathBuf,
}

impl Staged {
    /// Fails where there is something already: it could be anything of anyone.
    pub fn new(place: PathBuf) -> Result<Self> {
        Self::begin(place, false)
    }

    /// Takes the place of what is there.
    pub fn again(place: PathBuf) -> Result<Self> {
        Self::begin(place, true)
    }

    fn begin(place: PathBuf, again: bool) -> Result<Self> {
        let shown = place.display();
        if !again && place.exists() && !fs::read_dir(&place).is_ok_and(|mut inside| inside.next().is_none()) {
            bail!("{shown} is there already, and no empty folder");
        }
        let parent = match place.parent() {
            Some(parent) if parent != Path::new("") => parent,
            Some(_) => Path::new("."),
            None => bail!("{shown} is no place for a folder"),
        };
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        let private =
            TempDir::with_prefix_in(".dist-", parent).with_context(|| parent.display().to_string())?;
        let path = private.path().join("whole");
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self { place, again, private, path })
    }

    /// Where to write what will be in it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its place in one step.
    pub fn put(self) -> Result<()> {
        let shown = self.place.strip_prefix(root()).unwrap_or(&self.place).display();
        if self.again && self.place.exists() {
            fs::rename(&self.place, self.private.path().join("earlier"))
                .with_context(|| shown.to_string())?;
        }
        fs::rename(&self.path, &self.place).with_context(|| shown.to_string())?;
        println!("wrote {shown}");
        Ok(())
    }
}
