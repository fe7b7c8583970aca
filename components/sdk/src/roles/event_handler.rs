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

bindings!("package flip:sdk; world event-handler { export flip:fl/event-handler@0.1.0; }");
