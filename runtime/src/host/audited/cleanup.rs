//! The interface `cleanup`, noted.

use wasmtime::component::Resource;

use super::{Audited, end};
use crate::audit::{DeletedEntry, Function, Noting};
use crate::bindings::flip::fl::cleanup::{Host, Tally};
use crate::host::Failure;
use crate::host::cleanup::CleanupView;
use crate::host::storage::OpenDirectory;

type Handle = Resource<OpenDirectory>;

impl CleanupView<'_> {
    fn path(&self, handle: &Handle, path: &str) -> String {
        self.table.get(handle).map_or_else(|_| path.to_owned(), |there| format!("{}/{path}", there.root))
    }
}

impl Audited<'_, CleanupView<'_>> {
    /// A deletion has ended: what went is noted also where something stayed.
    fn deleted(
        &self,
        noting: Option<Noting>,
        before: usize,
        result: Result<Tally, Failure>,
    ) -> Result<Tally, Failure> {
        let Some(mut noting) = noting else { return result };
        let went = match &result {
            Ok(tally) => Some((tally.files, tally.directories, tally.bytes)),
            Err(_) => {
                let partly = self.view.deleted.all.get(before);
                partly.map(|deleted| (deleted.files, deleted.directories, deleted.bytes))
            }
        };
        let went = went.map(|(files, directories, bytes)| DeletedEntry { files, directories, bytes });
        if let Some(entry) = noting.entry() {
            entry.deleted = went;
        }
        noting.end(result)
    }
}

impl Host for Audited<'_, CleanupView<'_>> {
    fn usage(&mut self, directory: Handle, path: String) -> Result<Tally, Failure> {
        let noting = self.begin(Function::Usage, |view| (view.path(&directory, &path), None))?;
        end(noting, self.view.usage(directory, path), |_, _| {})
    }

    fn remove(&mut self, directory: Handle, path: String) -> Result<Tally, Failure> {
        let noting = self.begin(Function::Remove, |view| (view.path(&directory, &path), None))?;
        let before = self.view.deleted.all.len();
        let result = self.view.remove(directory, path);
        self.deleted(noting, before, result)
    }

    fn clear(&mut self, directory: Handle) -> Result<Tally, Failure> {
        let noting = self.begin(Function::Clear, |view| (view.path(&directory, "*"), None))?;
        let before = self.view.deleted.all.len();
        let result = self.view.clear(directory);
        self.deleted(noting, before, result)
    }
}
