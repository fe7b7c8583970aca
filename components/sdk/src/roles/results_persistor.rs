//! Persistors of results.

use super::{Exported, with};
use crate::{Configurable, Error, FlContext};

/// Brings a job's results to safety, then cleans up.
pub trait ResultsPersistor: Configurable {
    /// Uploads, then cleans up, with the events around it.
    ///
    /// # Errors
    ///
    /// What kept the results from being safe.
    fn execute(&mut self, ctx: &FlContext) -> Result<(), Error>;

    /// The upload alone.
    ///
    /// # Errors
    ///
    /// What kept the results from being safe.
    fn upload_results_to_s3_bucket(&mut self, ctx: &FlContext) -> Result<(), Error>;

    /// The clean-up alone.
    ///
    /// # Errors
    ///
    /// Those of the host.
    fn cleanup(&mut self, ctx: &FlContext) -> Result<(), Error>;
}

impl<E: Exported<Component: ResultsPersistor>> bindings::exports::flip::fl::results_persistor::Guest for E {
    fn execute(ctx: &FlContext) -> Result<(), Error> {
        with::<E, _>(|persistor| persistor.execute(ctx))
    }

    fn upload_results_to_s3_bucket(ctx: &FlContext) -> Result<(), Error> {
        with::<E, _>(|persistor| persistor.upload_results_to_s3_bucket(ctx))
    }

    fn cleanup(ctx: &FlContext) -> Result<(), Error> {
        with::<E, _>(|persistor| persistor.cleanup(ctx))
    }
}

bindings!("package flip:sdk; world results-persistor { export flip:fl/results-persistor@0.1.0; }");
