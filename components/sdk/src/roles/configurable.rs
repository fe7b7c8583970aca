//! What every component has besides its roles: it is configured first.

use serde::de::DeserializeOwned;

use super::Exported;
use crate::configured::Configured;
use crate::{Error, Json};

/// A component that is made from the args of the job's configuration.
pub trait Configurable: Sized + 'static {
    /// The `args` object. `#[serde(deny_unknown_fields)]` tells a misspelt name.
    type Args: DeserializeOwned;

    /// Makes the component; called once, first.
    ///
    /// # Errors
    ///
    /// `invalid-argument` names the argument and what it should be.
    fn configure(args: Self::Args) -> Result<Self, Error>;
}

impl<E: Exported> bindings::exports::flip::fl::configurable::Guest for E {
    fn configure(args: Json) -> Result<(), Error> {
        Configured::configure(E::slot(), &args, E::Component::configure)
    }
}

#[doc(hidden)]
#[allow(unsafe_code, missing_docs, clippy::unreachable, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package flip:sdk; world configurable { export flip:fl/configurable@0.1.0; }",
        world: "flip:sdk/configurable",
        with: { "flip:fl/types@0.1.0": crate::bindings::flip::fl::types },
        pub_export_macro: true,
        export_macro_name: "export_role",
        default_bindings_module: "flip_sdk::roles::configurable::bindings",
    });
}
