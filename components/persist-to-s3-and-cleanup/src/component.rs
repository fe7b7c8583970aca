//! The component: the persistor, bound to the contract.

use std::time::SystemTime;

use flip_sdk::cleanup::{self, Tally};
use flip_sdk::peers::{self, LookupError, ModelPersistor};
use flip_sdk::storage::{self, Directory, EntryKind, Root};
use flip_sdk::{Configurable, Error, FlContext, ResultsPersistor, clock, events, log, object_store};

use crate::{Args, Host, PersistToS3AndCleanup};

struct Sandbox<'a>(&'a FlContext);

impl Host for Sandbox<'_> {
    type Directory = Directory;
    type ModelPersistor = ModelPersistor;

    fn local_dev(&self) -> bool {
        self.0.local_dev()
    }

    fn now(&self) -> SystemTime {
        clock::now()
    }

    fn model_persistor(&self, id: &str) -> Result<ModelPersistor, LookupError> {
        peers::get_model_persistor(id)
    }

    fn model_inventory(&self, persistor: &ModelPersistor) -> Result<Vec<(String, String)>, Error> {
        persistor.model_inventory(self.0)
    }

    fn fire(&self, event_type: &str) -> Result<(), Error> {
        events::fire(event_type)
    }

    fn system_panic(&self, reason: &str) {
        events::system_panic(reason);
    }

    fn open(&self, root: Root) -> Result<Directory, Error> {
        storage::open(root)
    }

    fn kind(&self, directory: &Directory, path: &str) -> Result<EntryKind, Error> {
        Ok(directory.stat(path)?.kind)
    }

    fn rename(&self, directory: &Directory, from: &str, to: &str) -> Result<(), Error> {
        directory.rename(from, directory, to)
    }

    fn remove(&self, directory: &Directory, path: &str) -> Result<Tally, Error> {
        cleanup::remove(directory, path)
    }

    fn put_archive(&self, key: &str, directory: &Directory) -> Result<u64, Error> {
        Ok(object_store::put_archive(key, directory, "")?.size)
    }

    fn info(&self, line: &str) {
        log::info(line);
    }

    fn warning(&self, line: &str) {
        log::warning(line);
    }

    fn error(&self, line: &str) {
        log::error(line);
    }

    fn gauge(&self, name: &str, value: f64) {
        log::gauge(name, value);
    }
}

// ANCHOR: component
impl Configurable for PersistToS3AndCleanup {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Self::new(args)
    }
}

impl ResultsPersistor for PersistToS3AndCleanup {
    fn execute(&mut self, ctx: &FlContext) -> Result<(), Error> {
        Self::execute(self, &Sandbox(ctx))
    }

    fn upload_results_to_s3_bucket(&mut self, ctx: &FlContext) -> Result<(), Error> {
        self.upload(&Sandbox(ctx))
    }

    fn cleanup(&mut self, ctx: &FlContext) -> Result<(), Error> {
        Self::cleanup(self, &Sandbox(ctx))
    }
}

flip_sdk::export!(PersistToS3AndCleanup: results_persistor);
// ANCHOR_END: component
