//! What the host calls. What the archive is called is in `logic`.

use flip_sdk::storage::{self, Root};
use flip_sdk::{Configurable, Error, FlContext, ResultsPersistor, cleanup, log, object_store};

use crate::logic::{Args, key};

struct MyComponent;

impl Configurable for MyComponent {
    type Args = Args;

    fn configure(Args {}: Args) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl ResultsPersistor for MyComponent {
    fn execute(&mut self, ctx: &FlContext) -> Result<(), Error> {
        self.upload_results_to_s3_bucket(ctx)?;
        self.cleanup(ctx)
    }

    fn upload_results_to_s3_bucket(&mut self, ctx: &FlContext) -> Result<(), Error> {
        if ctx.local_dev() {
            log::info("local development: nothing is uploaded");
            return Ok(());
        }
        let job = storage::open(Root::Job)?;
        object_store::put_archive(&key(&ctx.job_id()), &job, "").map(|_| ())
    }

    fn cleanup(&mut self, ctx: &FlContext) -> Result<(), Error> {
        if ctx.local_dev() {
            log::info("local development: nothing is deleted");
            return Ok(());
        }
        cleanup::clear(&storage::open(Root::Images)?).map(|_| ())
    }
}

flip_sdk::export!(MyComponent: results_persistor);
