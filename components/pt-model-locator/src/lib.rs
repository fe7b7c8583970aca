//! PTModelLocator: the global model that the job has trained.
#![cfg(target_arch = "wasm32")]

use checkpoint_dxo::{Args, GlobalModel, Place};
use flip_sdk::storage::Root;
use flip_sdk::{Configurable, Dxo, Error, FlContext, ModelLocator};

struct PTModelLocator(GlobalModel);

impl Configurable for PTModelLocator {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self(args.into()))
    }
}

impl ModelLocator for PTModelLocator {
    fn model_names(&mut self, _: &FlContext) -> Result<Vec<String>, Error> {
        Ok(self.0.names())
    }

    fn locate_model(&mut self, name: Option<&str>, ctx: &FlContext) -> Result<Option<Dxo>, Error> {
        // In production a job's environment sends the persistor's files to a folder of their own.
        let folder = if ctx.local_dev() { "" } else { "model/" };
        let path = format!("{folder}{}", GlobalModel::FILE);
        self.0.locate(name, &[Place { root: Root::App, path }])
    }
}

flip_sdk::export!(PTModelLocator: model_locator);
