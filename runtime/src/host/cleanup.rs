//! The interface `cleanup`: deleting, without ever following a link.

use std::io;

use wasmtime::component::{HasData, Resource};

use super::call::CallCtx;
use super::grants::GrantsCtx;
use super::storage::{OpenDirectory, anywhere, inside, io_failure};
use super::{Failure, Table};
use crate::bindings::flip::fl::cleanup::{Host, Tally};
use crate::bindings::flip::fl::types::{Error, Host as TypesHost};
use crate::tree::{self, Stop};

pub(crate) struct HasCleanup;

impl HasData for HasCleanup {
    type Data<'a> = CleanupView<'a>;
}

pub(crate) struct CleanupView<'a> {
    pub(crate) call: &'a CallCtx,
    pub(crate) grants: &'a GrantsCtx,
    pub(crate) deleted: &'a mut Vec<Deleted>,
    pub(crate) table: &'a mut Table,
}

/// The most deletions that are remembered for the report.
const MAX_DELETED: usize = 1_000;

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
}

impl CleanupView<'_> {
    /// What the component is told, and what went is remembered also where something stayed.
    fn done(
        &mut self,
        path: String,
        tally: tree::Tally,
        result: Result<(), Failure>,
    ) -> Result<Tally, Failure> {
        let tree::Tally { files, directories, bytes } = tally;
        if files + directories > 0 && self.deleted.len() < MAX_DELETED {
            self.deleted.push(Deleted { path, files, directories, bytes });
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
        let mut tally = tree::Tally::default();
        let result = tree::remove(&directory.dir, path.as_str(), &mut tally, &|| self.call.check())
            .map_err(|stop| failure(stop, &path));
        self.done(format!("{}/{path}", directory.root), tally, result)
    }

    fn clear(&mut self, directory: Resource<OpenDirectory>) -> Result<Tally, Failure> {
        let path = anywhere("")?;
        let directory = self.table.get(&directory)?;
        self.grants.clearing(directory.root, &path, &self.call.context.job_id)?;
        self.call.production()?;
        let mut tally = tree::Tally::default();
        let result = tree::clear(&directory.dir, &mut tally, &|| self.call.check())
            .map_err(|stop| failure(stop, &path));
        self.done(format!("{}/*", directory.root), tally, result)
    }
}

fn failure(stop: Stop<Failure>, path: &crate::paths::ComponentPath) -> Failure {
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
    use crate::paths::ComponentPath;

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
