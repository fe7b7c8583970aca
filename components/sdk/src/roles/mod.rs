//! The roles that a component can play: a trait for each, and [`export`](crate::export).

/// Makes the module `bindings` of a role; its world exports the role and nothing else.
macro_rules! bindings {
    ($world:literal) => {
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
                inline: $world,
                with: {
                    "flip:fl/types@0.1.0": crate::bindings::flip::fl::types,
                    "flip:fl/tensors@0.1.0": crate::bindings::flip::fl::tensors,
                    "flip:fl/exchange@0.1.0": crate::bindings::flip::fl::exchange,
                    "flip:fl/context@0.1.0": crate::bindings::flip::fl::context,
                },
                pub_export_macro: true,
                export_macro_name: "export_role",
            });
        }
    };
}

pub mod configurable;
pub mod dxo_filter;
pub mod event_handler;
pub mod executor;
pub mod model_locator;
pub mod phased_dxo_filter;
pub mod results_generator;
pub mod results_persistor;
pub mod state;

use std::thread::LocalKey;

use crate::Error;
use crate::configured::Configured;
use configurable::Configurable;

/// What [`export`](crate::export) makes for a component: the place where it lives.
#[doc(hidden)]
pub trait Exported {
    type Component: Configurable;

    fn slot() -> &'static LocalKey<Configured<Self::Component>>;
}

/// Calls into the component.
fn with<E: Exported, R>(call: impl FnOnce(&mut E::Component) -> Result<R, Error>) -> Result<R, Error> {
    Configured::with(E::slot(), call)
}

/// Exports a type as the component of this crate, with the roles whose traits it implements;
/// `state` stands beside them where it is [`Stateful`](state::Stateful), `phased_dxo_filter` beside `dxo_filter`
/// where it is a [`PhasedDxoFilter`](phased_dxo_filter::PhasedDxoFilter).
///
/// ```ignore
/// flip_sdk::export!(MyFilter: dxo_filter);
/// flip_sdk::export!(MyWatcher: event_handler, results_generator);
/// flip_sdk::export!(MyGenerator: results_generator, state);
/// flip_sdk::export!(MyFastFilter: dxo_filter, phased_dxo_filter);
/// ```
#[macro_export]
macro_rules! export {
    ($component:ty: $($role:ident),+) => {
        #[allow(unsafe_code, reason = "the exports of a WebAssembly module")]
        const _: () = {
            struct Exported;

            impl $crate::roles::Exported for Exported {
                type Component = $component;

                fn slot() -> &'static std::thread::LocalKey<$crate::exporting::Configured<$component>> {
                    std::thread_local! {
                        static COMPONENT: $crate::exporting::Configured<$component> =
                            const { $crate::exporting::Configured::new() };
                    }
                    &COMPONENT
                }
            }

            $crate::roles::configurable::bindings::export_role!(
                Exported with_types_in $crate::roles::configurable::bindings
            );
            $($crate::roles::$role::bindings::export_role!(
                Exported with_types_in $crate::roles::$role::bindings
            );)+
        };
    };
}
