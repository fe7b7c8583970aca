//! The interface `cleanup`: deleting, without ever following a link.

use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;
use wasmtime::component::{HasData, Resource};

use super::call::CallCtx;
use super::grants::GrantsCtx;
use super::storage::{OpenDirectory, anywhere, inside, io_failure};
use super::{Failure, Table};
use crate::bindings::flip::fl::cleanup::{Host, Tally};
use crate::bindings::flip::fl::types::{Error, Host as TypesHost};
use crate::budget::{Budget, Remembered};
use crate::paths::ComponentPath;
use crate::tree::{self, Listing, Stop};
use crate::usage::Besides;

pub(crate) struct HasCleanup;

impl HasData for HasCleanup {
    type Data<'a> = CleanupView<'a>;
}

pub(crate) struct CleanupView<'a> {
    pub(crate) call: &'a CallCtx,
    pub(crate) grants: &'a GrantsCtx,
    pub(crate) deleted: &'a mut Deletions,
    pub(crate) table: &'a mut Table,
}

/// The most deletions that are remembered for the report.
const MAX_DELETED: usize = 1_000;

/// The first of these whose trees are listed before and after.
const MAX_LISTED: usize = 20;
/// The most entries of a list.
const MAX_ENTRIES: usize = 200;

/// The most bytes that are remembered of them: their paths, and the lists.
const MAX_REMEMBERED: u64 = 16 << 20;

/// What a component deleted so far.
pub(crate) struct Deletions {
    pub(crate) all: Vec<Deleted>,
    /// What was deleted after so much that it is not remembered.
    pub(crate) besides: Besides,
    /// What went in the last call, also where something stayed.
    pub(crate) last: tree::Tally,
    remembered: Remembered,
}

impl Deletions {
    pub(crate) fn none(budget: &Budget) -> Self {
        let (besides, last) = Default::default();
        Self { all: Vec::new(), besides, last, remembered: Remembered::nothing(budget) }
    }

    /// Remembers it, as far as there is room.
    fn remember(&mut self, mut deleted: Deleted) {
        // The report has a copy.
        let own = 2 * (size_of::<Deleted>() + deleted.path.len());
        if self.all.len() >= MAX_DELETED || !self.remembered.takes(own, MAX_REMEMBERED) {
            self.besides.add(deleted.files, deleted.bytes);
            return;
        }
        let lists = [&deleted.before, &deleted.after].into_iter().flatten();
        let entries = lists.flat_map(|listing| &listing.entries);
        let lists = entries.map(|entry| size_of_val(entry) + entry.0.len()).sum();
        if !self.remembered.takes(lists, MAX_REMEMBERED) {
            (deleted.before, deleted.after) = (None, None);
        }
        self.all.push(deleted);
    }
}

/// What a component deleted.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Deleted {
    /// The directory's name in a policy, and the path in it.
    pub path: String,
    /// Files and links.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// The bytes of the files.
    pub bytes: u64,
    /// Whether it went as a whole: else something stayed.
    #[serde(skip)]
    pub whole: bool,
    /// What lay there before, of the first deletions.
    #[serde(skip)]
    pub before: Option<Arc<Listing>>,
    /// What lay there afterwards, of the first deletions.
    #[serde(skip)]
    pub after: Option<Arc<Listing>>,
}

impl CleanupView<'_> {
    /// What lies at a path, for the report; none where that cannot be told, or enough was listed before.
    fn listing(&self, directory: &OpenDirectory, path: &str) -> Option<Arc<Listing>> {
        if self.deleted.all.len() >= MAX_LISTED || self.deleted.besides.count > 0 {
            return None;
        }
        let listed = tree::list(&directory.dir, path, MAX_ENTRIES, &|| self.call.check());
        listed.ok().map(Arc::new)
    }

    /// Deletes, and lists what lies there before and after.
    fn delete(
        &self,
        directory: &OpenDirectory,
        path: &ComponentPath,
        delete: impl FnOnce(&Dir, &mut tree::Tally, tree::GoOn<'_, Failure>) -> Result<(), Stop<Failure>>,
    ) -> (Deleted, Result<(), Failure>) {
        let before = self.listing(directory, path.as_str());
        let mut tally = tree::Tally::default();
        let result = delete(&directory.dir, &mut tally, &|| self.call.check());
        let tree::Tally { files, directories, bytes } = tally;
        let after = before.as_ref().and_then(|_| self.listing(directory, path.as_str()));
        let shown = if path.as_str().is_empty() { "*" } else { path.as_str() };
        let path_of = format!("{}/{shown}", directory.root);
        let whole = result.is_ok();
        let deleted = Deleted { path: path_of, files, directories, bytes, whole, before, after };
        (deleted, result.map_err(|stop| failure(stop, path)))
    }

    /// What the component is told, and what went is remembered also where something stayed.
    fn done(&mut self, (deleted, result): (Deleted, Result<(), Failure>)) -> Result<Tally, Failure> {
        let Deleted { files, directories, bytes, .. } = deleted;
        self.deleted.last = tree::Tally { files, directories, bytes };
        if files + directories > 0 {
            self.deleted.remember(deleted);
        }
        result.map(|()| Tally { files, directories, bytes })
    }
}

impl TypesHost for CleanupView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for CleanupView<'_> {
    fn usage(&mut self, directory: Resource<OpenDirectory>, path: String) -> Result<Tally, Failure> {
        let path = anywhere(&path)?;
        let directory = self.table.get(&directory)?;
        let mut tally = tree::Tally::default();
        tree::usage(&directory.dir, path.as_str(), &mut tally, &|| self.call.check())
            .map_err(|stop| failure(stop, &path))?;
        let tree::Tally { files, directories, bytes } = tally;
        Ok(Tally { files, directories, bytes })
    }

    fn remove(&mut self, directory: Resource<OpenDirectory>, path: String) -> Result<Tally, Failure> {
        let path = inside(&path)?;
        let directory = self.table.get(&directory)?;
        self.grants.removing(directory.root, &path, &self.call.context.job_id)?;
        self.call.production()?;
        let done =
            self.delete(directory, &path, |dir, tally, go_on| tree::remove(dir, path.as_str(), tally, go_on));
        self.done(done)
    }

    fn clear(&mut self, directory: Resource<OpenDirectory>) -> Result<Tally, Failure> {
        let path = anywhere("")?;
        let directory = self.table.get(&directory)?;
        self.grants.clearing(directory.root, &path, &self.call.context.job_id)?;
        self.call.production()?;
        let done = self.delete(directory, &path, tree::clear);
        self.done(done)
    }
}

fn failure(stop: Stop<Failure>, path: &ComponentPath) -> Failure {
    match stop {
        // Not as where one reads: a component must not take what it may not delete for gone.
        Stop::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Failure::unavailable(format!("{path}: not all of it can be deleted: {error}"))
        }
        Stop::Io(error) => io_failure(path)(error),
        Stop::Told(failure) => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_deleted_is_not_said_to_be_gone() {
        let path = ComponentPath::parse("scan.dcm").unwrap();
        let told = |kind: io::ErrorKind| failure(Stop::Io(kind.into()), &path);
        assert!(matches!(
            told(io::ErrorKind::PermissionDenied),
            Failure::Typed(Error::Unavailable(text)) if text.starts_with("scan.dcm: ")
        ));
        assert!(matches!(told(io::ErrorKind::NotFound), Failure::Typed(Error::NotFound(_))));
    }
}
