//! Handlers of events.

use super::{Exported, with};
use crate::{Configurable, Error, FlContext};

/// NVFLARE's `FLComponent`, as far as it handles a job's events.
pub trait EventHandler: Configurable {
    /// The event types to deliver; none asks for every one.
    fn interests(&self) -> Vec<String>;

    /// Handles one event.
    ///
    /// # Errors
    ///
    /// The host logs it and goes on.
    fn handle_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error>;
}

impl<E: Exported<Component: EventHandler>> bindings::exports::flip::fl::event_handler::Guest for E {
    fn interests() -> Vec<String> {
        with::<E, _>(|handler| Ok(handler.interests())).unwrap_or_default()
    }

    fn handle_event(event_type: String, ctx: &FlContext) -> Result<(), Error> {
        with::<E, _>(|handler| handler.handle_event(&event_type, ctx))
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
        inline: "package flip:sdk; world event-handler { export flip:fl/event-handler@0.1.0; }",
        world: "flip:sdk/event-handler",
        with: {
            "flip:fl/types@0.1.0": crate::bindings::flip::fl::types,
            "flip:fl/tensors@0.1.0": crate::bindings::flip::fl::tensors,
            "flip:fl/exchange@0.1.0": crate::bindings::flip::fl::exchange,
            "flip:fl/context@0.1.0": crate::bindings::flip::fl::context,
        },
        pub_export_macro: true,
        export_macro_name: "export_role",
        default_bindings_module: "flip_sdk::roles::event_handler::bindings",
    });
}
