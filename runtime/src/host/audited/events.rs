//! The interface `events`, noted.

use super::{Audited, end};
use crate::audit::Function;
use crate::bindings::flip::fl::events::Host;
use crate::host::Failure;
use crate::host::events::EventsView;

impl Host for Audited<'_, EventsView<'_>> {
    fn fire(&mut self, event_type: String) -> Result<(), Failure> {
        let noting = self.begin(Function::Fire, |_| (event_type.clone(), None))?;
        end(noting, self.view.fire(event_type), |_, ()| {})
    }

    // The reason may be a text of any kind.
    fn system_panic(&mut self, reason: String) -> wasmtime::Result<()> {
        let untold = |failure: Failure| failure.into_typed().map(|_| ());
        let noting = match self.begin(Function::SystemPanic, |_| ("the run".to_owned(), None)) {
            Ok(noting) => noting,
            Err(failure) => return untold(failure),
        };
        let panicked = self.view.system_panic(&reason);
        end(noting, panicked, |_, ()| {}).or_else(untold)
    }
}
