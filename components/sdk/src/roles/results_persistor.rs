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

#[doc(hidden)]
#[allow(
    unsafe_code,
    missing_docs,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "generated"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package flip:sdk; world results-persistor { export flip:fl/results-persistor@0.1.0; }",
        world: "flip:sdk/results-persistor",
        with: {
            "flip:fl/types@0.1.0": crate::bindings::flip::fl::types,
            "flip:fl/tensors@0.1.0": crate::bindings::flip::fl::tensors,
            "flip:fl/exchange@0.1.0": crate::bindings::flip::fl::exchange,
            "flip:fl/context@0.1.0": crate::bindings::flip::fl::context,
        },
        pub_export_macro: true,
        export_macro_name: "export_role",
        default_bindings_module: "flip_sdk::roles::results_persistor::bindings",
    });
}
