//! The interface `cleanup`, noted.

use wasmtime::component::Resource;

use super::{Audited, end_told};
use crate::audit::{DeletedEntry, Function, Noting};
use crate::bindings::flip::fl::cleanup::{Host, Tally};
use crate::host::Failure;
use crate::host::cleanup::CleanupView;
use crate::host::storage::OpenDirectory;
use crate::tree;

type Handle = Resource<OpenDirectory>;

impl CleanupView<'_> {
    fn path(&self, handle: &Handle, path: &str) -> String {
        self.table.get(handle).map_or_else(|_| path.to_owned(), |there| format!("{}/{path}", there.root))
    }
}

impl Audited<'_, CleanupView<'_>> {
    /// A deletion has ended: what went is noted also where something stayed.
    fn deleted(&self, noting: Option<Noting>, result: Result<Tally, Failure>) -> Result<Tally, Failure> {
        let Some(mut noting) = noting else { return result };
        let tree::Tally { files, directories, bytes } = self.view.deleted.last;
        if let Some(entry) = noting.entry().filter(|_| result.is_ok() || files + directories > 0) {
            entry.deleted = Some(DeletedEntry { files, directories, bytes });
        }
        noting.end(result)
    }
}

impl Host for Audited<'_, CleanupView<'_>> {
    fn usage(&mut self, directory: Handle, path: String) -> Result<Tally, Failure> {
        let noting = self.begin(Function::Usage, |view| (view.path(&directory, &path), None))?;
        end_told(noting, self.view.usage(directory, path), |held| {
            format!("{} {} {}\n", held.files, held.directories, held.bytes)
        })
    }

    fn remove(&mut self, directory: Handle, path: String) -> Result<Tally, Failure> {
        let noting = self.begin(Function::Remove, |view| (view.path(&directory, &path), None))?;
        self.view.deleted.last = tree::Tally::default();
        let result = self.view.remove(directory, path);
        self.deleted(noting, result)
    }

    fn clear(&mut self, directory: Handle) -> Result<Tally, Failure> {
        let noting = self.begin(Function::Clear, |view| (view.path(&directory, "*"), None))?;
        self.view.deleted.last = tree::Tally::default();
        let result = self.view.clear(directory);
        self.deleted(noting, result)
    }
}
