//! What a component remembers between calls, for whoever embeds it.

use wasmtime::Store;
use wasmtime::component::Instance as RawInstance;

use crate::bindings::exports::flip::fl::state;
use crate::error::Error;
use crate::host::HostState;
use crate::instance::{Instance, Scope};
use crate::json::Json;
use crate::limits::Allowed;

/// The interface, which a component exports or not.
const INTERFACE: &str = "flip:fl/state@0.1.0";

impl Instance {
    /// Whether what it remembers between calls can be read and set.
    pub fn has_state(&self) -> bool {
        self.component().loaded.pre.component().get_export_index(None, INTERFACE).is_some()
    }

    /// What it remembers between calls, a JSON object; none where its component does not tell. The text is
    /// no longer than [`Limits::call_bytes`](crate::Limits::call_bytes).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidData`] where it answers with something else; whatever kept it from answering.
    pub fn state(&mut self) -> Result<Option<Json>, Error> {
        if !self.has_state() {
            return Ok(None);
        }
        let guest = self.state_exports()?;
        let text = self.enter(Scope::default(), async move |live| guest.call_save(&mut live.store).await)?;
        let invalid =
            |error| Error::InvalidData(format!("{}: its state is no JSON object: {error}", self.name()));
        let state = Json::parse(text).map_err(invalid)?;
        state.members().map_err(invalid)?;
        Ok(Some(state))
    }

    /// Replaces what it remembers between calls, as [`state`](Self::state) told it, of this instance or of
    /// another one.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] where the component can have no such memory, [`Error::InvalidData`] where it is no
    /// object, [`Error::Limit`] where it is too long, and [`Error::InvalidComponent`] where the component has
    /// none that could be set: nothing has changed then. Or whatever kept it from answering.
    pub fn set_state(&mut self, state: &Json) -> Result<(), Error> {
        if !self.has_state() {
            let reason = format!("what it remembers cannot be set: it does not export {INTERFACE}");
            return Err(Error::InvalidComponent { component: self.name().to_owned(), reason });
        }
        let allowed = self.limits().call_bytes;
        if state.text().len() as u64 > allowed {
            return Err(self.reached("call-bytes", Allowed::Bytes(allowed)));
        }
        if !state.text().trim_ascii_start().starts_with('{') {
            return Err(Error::InvalidData(format!("{}: a state is a JSON object", self.name())));
        }
        let guest = self.state_exports()?;
        let text = state.text().to_owned();
        let answer =
            self.enter(Scope::default(), async move |live| guest.call_restore(&mut live.store, &text).await)?;
        answer.map_err(|error| self.failed(error))
    }

    /// The functions of the interface, where they are those of the contract.
    fn state_exports(&mut self) -> Result<state::Guest, Error> {
        let (pre, store, raw) = self.parts()?;
        let load =
            |store: &mut Store<HostState>, raw: &RawInstance| state::GuestIndices::new(pre)?.load(store, raw);
        load(store, &raw).map_err(|error| Error::InvalidComponent {
            component: self.name().to_owned(),
            reason: format!("its {INTERFACE} does not fit the contract: {error}"),
        })
    }
}
