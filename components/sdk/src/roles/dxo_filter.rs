//! Filters of dxos.

use serde::de::DeserializeOwned;

use crate::{DataKind, Dxo, Error, FlContext};

pub use bindings::exports::flip::fl::dxo_filter::Verdict;

/// A filter of dxos, as [`export_dxo_filter`](crate::export_dxo_filter) exports it.
pub trait DxoFilter: Sized + 'static {
    /// The `args` of the job's configuration. `#[serde(deny_unknown_fields)]` tells a misspelt name.
    type Args: DeserializeOwned;

    /// Makes the filter from its args; called once, first.
    ///
    /// # Errors
    ///
    /// `invalid-argument` names the argument and what it should be.
    fn configure(args: Self::Args) -> Result<Self, Error>;

    /// The kinds of data to show this filter; none asks for every one.
    fn data_kinds(&self) -> Vec<DataKind>;

    /// Filters one leaf dxo in place.
    ///
    /// # Errors
    ///
    /// Any error keeps the data from leaving, as [`Verdict::Refused`] does.
    fn process_dxo(&mut self, dxo: &Dxo, ctx: &FlContext) -> Result<Verdict, Error>;
}

/// Exports a [`DxoFilter`] as the component of this crate.
#[macro_export]
macro_rules! export_dxo_filter {
    ($filter:ty) => {
        #[allow(unsafe_code, reason = "the exports of a WebAssembly module")]
        const _: () = {
            use $crate::roles::dxo_filter::{DxoFilter, bindings};

            std::thread_local! {
                static FILTER: $crate::exporting::Configured<$filter> =
                    const { $crate::exporting::Configured::new() };
            }

            struct Component;

            impl bindings::exports::flip::fl::configurable::Guest for Component {
                fn configure(args: $crate::Json) -> Result<(), $crate::Error> {
                    $crate::exporting::Configured::configure(
                        &FILTER,
                        &args,
                        <$filter as DxoFilter>::configure,
                    )
                }
            }

            impl bindings::exports::flip::fl::dxo_filter::Guest for Component {
                fn data_kinds() -> Vec<$crate::DataKind> {
                    $crate::exporting::Configured::with(&FILTER, |filter| Ok(filter.data_kinds()))
                        .unwrap_or_default()
                }

                fn process_dxo(
                    dxo: &$crate::Dxo,
                    ctx: &$crate::FlContext,
                ) -> Result<$crate::Verdict, $crate::Error> {
                    $crate::exporting::Configured::with(&FILTER, |filter| filter.process_dxo(dxo, ctx))
                }
            }

    bindings::export_role!(Component with_types_in bindings);
        };
    };
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
        world: "dxo-filter-component",
        with: {
            "flip:fl/types@0.1.0": crate::bindings::flip::fl::types,
            "flip:fl/tensors@0.1.0": crate::bindings::flip::fl::tensors,
            "flip:fl/exchange@0.1.0": crate::bindings::flip::fl::exchange,
            "flip:fl/context@0.1.0": crate::bindings::flip::fl::context,
            "flip:fl/log@0.1.0": crate::bindings::flip::fl::log,
        },
        pub_export_macro: true,
        export_macro_name: "export_role",
        default_bindings_module: "flip_sdk::roles::dxo_filter::bindings",
    });
}
