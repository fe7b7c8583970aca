//! InitialPTModelLocator: the global model that the job begins with, of its app or of an earlier job.
#![cfg(target_arch = "wasm32")]

use checkpoint_dxo::{Args, GlobalModel, Place, is_single_part};
use flip_sdk::storage::Root;
use flip_sdk::{Configurable, Dxo, Error, FlContext, ModelLocator, log};

struct InitialPTModelLocator(GlobalModel);

impl Configurable for InitialPTModelLocator {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self(args.into()))
    }
}

impl ModelLocator for InitialPTModelLocator {
    fn model_names(&mut self, _: &FlContext) -> Result<Vec<String>, Error> {
        Ok(self.0.names())
    }

    fn locate_model(&mut self, name: Option<&str>, ctx: &FlContext) -> Result<Option<Dxo>, Error> {
        let mut places = vec![Place { root: Root::App, path: GlobalModel::FILE.to_owned() }];
        let job = ctx.job_id();
        if is_single_part(&job) {
            places.push(Place { root: Root::Safehouse, path: format!("{job}/{}", GlobalModel::FILE) });
        } else {
            log::error(&format!("the job id {job:?} names no folder of the safehouse"));
        }
        self.0.locate(name, &places)
    }
}

flip_sdk::export!(InitialPTModelLocator: model_locator);
