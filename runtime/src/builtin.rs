//! The components that the runtime carries.

use crate::error::Error;

/// A component that is part of the runtime.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its class in the Python package, as configurations and filter histories name it.
    pub class: &'static str,
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// The component itself.
    pub wasm: &'static [u8],
}

/// Every built-in component.
pub const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "percentile-privacy",
        class: "PercentilePrivacy",
        summary: "Zeroes the small elements of an update and clips the large ones; it is not differential privacy",
        wasm: include_bytes!(concat!(env!("OUT_DIR"), "/percentile-privacy.wasm")),
    },
    Builtin {
        name: "stage-percentile-privacy",
        class: "StagePercentilePrivacy",
        summary: "The same for each stage of a model on its own; it is not differential privacy",
        wasm: include_bytes!(concat!(env!("OUT_DIR"), "/stage-percentile-privacy.wasm")),
    },
];

impl Builtin {
    /// The built-in called `name`, by its name or its class.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownComponent`] lists the names there are.
    pub fn find(name: &str) -> Result<&'static Self, Error> {
        BUILTINS.iter().find(|builtin| builtin.name == name || builtin.class == name).ok_or_else(|| {
            Error::UnknownComponent {
                name: name.to_owned(),
                known: BUILTINS.iter().map(|builtin| builtin.name).collect::<Vec<_>>().join(", "),
            }
        })
    }
}
