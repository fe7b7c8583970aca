//! What a component remembers between calls: no role of its own, it is exported beside any.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Exported, with};
use crate::{Configurable, Error, Json};

/// A component whose memory can be read and set by whoever embeds it.
///
/// [`to_json`] and [`from_json`] are for memories that serde knows; a component that keeps numbers which
/// RFC 8259 has not, such as NaN, writes and reads the text itself.
///
/// ```
/// use flip_sdk::{Configurable, Error, Json, Stateful, state};
///
/// /// Counts the rounds.
/// #[derive(Default)]
/// struct Rounds(Memory);
///
/// #[derive(Clone, Default, serde::Deserialize, serde::Serialize)]
/// #[serde(deny_unknown_fields)]
/// struct Memory {
///     rounds: u64,
/// }
///
/// impl Stateful for Rounds {
///     fn save(&self) -> Json {
///         state::to_json(&self.0)
///     }
///
///     fn restore(&mut self, state: &str) -> Result<(), Error> {
///         self.0 = state::from_json(state)?;
///         Ok(())
///     }
/// }
///
/// # #[derive(serde::Deserialize)]
/// # struct Args {}
/// # impl Configurable for Rounds {
/// #     type Args = Args;
/// #     fn configure(_: Args) -> Result<Self, Error> {
/// #         Ok(Self::default())
/// #     }
/// # }
/// # impl flip_sdk::EventHandler for Rounds {
/// #     fn interests(&self) -> Vec<String> {
/// #         Vec::new()
/// #     }
/// #     fn handle_event(&mut self, _: &str, _: &flip_sdk::FlContext) -> Result<(), Error> {
/// #         Ok(())
/// #     }
/// # }
/// # #[cfg(target_arch = "wasm32")]
/// flip_sdk::export!(Rounds: event_handler, state);
///
/// let mut rounds = Rounds(Memory { rounds: 3 });
/// assert_eq!(rounds.save(), r#"{"rounds":3}"#);
/// let error = rounds.restore(r#"{"rounds": "many"}"#).unwrap_err();
/// assert!(error.describe().starts_with("invalid argument: state: rounds: invalid type: string"));
/// assert_eq!(rounds.0.rounds, 3);
/// ```
pub trait Stateful: Configurable {
    /// What it remembers between calls: one JSON object.
    fn save(&self) -> Json;

    /// Replaces that. Where it fails, nothing has changed.
    ///
    /// # Errors
    ///
    /// `invalid-argument`: the component can have no such memory.
    fn restore(&mut self, state: &str) -> Result<(), Error>;
}

/// The JSON object of a memory. A value that has no JSON, such as a map whose keys are no texts, becomes
/// `null`, which the host does not take for a memory.
pub fn to_json(memory: &impl Serialize) -> Json {
    serde_json::to_string(memory).unwrap_or_else(|_| "null".to_owned())
}

/// The memory that a JSON object stands for. `#[serde(deny_unknown_fields)]` tells a misspelt name.
///
/// # Errors
///
/// `invalid-argument` says what does not fit, and where.
pub fn from_json<T: DeserializeOwned>(state: &str) -> Result<T, Error> {
    crate::text::object("state", state)
}

impl<E: Exported<Component: Stateful>> bindings::exports::flip::fl::state::Guest for E {
    fn save() -> Json {
        with::<E, _>(|component| Ok(component.save())).unwrap_or_else(|_| "{}".to_owned())
    }

    fn restore(state: Json) -> Result<(), Error> {
        with::<E, _>(|component| component.restore(&state))
    }
}

#[doc(hidden)]
#[allow(unsafe_code, missing_docs, clippy::unreachable, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package flip:sdk; world state { export flip:fl/state@0.1.0; }",
        world: "flip:sdk/state",
        with: { "flip:fl/types@0.1.0": crate::bindings::flip::fl::types },
        pub_export_macro: true,
        export_macro_name: "export_role",
        default_bindings_module: "flip_sdk::roles::state::bindings",
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_object_is_no_memory() {
        // Serde would take a list for a struct as well, by position.
        for text in ["", "[1]", "null", "7", "{", r#"{"a": 1} x"#] {
            let error = from_json::<std::collections::BTreeMap<String, u64>>(text).unwrap_err();
            assert!(matches!(&error, Error::InvalidArgument(why) if why.starts_with("state: ")), "{text}");
        }
    }

    #[test]
    fn what_has_no_json_becomes_null() {
        assert_eq!(to_json(&std::collections::BTreeMap::from([([1, 2], 3)])), "null");
    }
}
