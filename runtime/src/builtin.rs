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
    /// What it is granted unless the operator says otherwise, as TOML.
    pub policy: &'static str,
    /// The component itself.
    pub wasm: &'static [u8],
}

/// The entry of the package `$name`: what is built of it, and its policy.
macro_rules! builtin {
    ($name:literal, $class:literal, $summary:literal) => {
        Builtin {
            name: $name,
            class: $class,
            summary: $summary,
            policy: include_str!(concat!("../policies/", $name, ".toml")),
            wasm: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm")),
        }
    };
}

/// Every built-in component.
pub const BUILTINS: &[Builtin] = &[
    builtin!(
        "percentile-privacy",
        "PercentilePrivacy",
        "Zeroes the small elements of an update and clips the large ones; it is not differential privacy"
    ),
    builtin!(
        "stage-percentile-privacy",
        "StagePercentilePrivacy",
        "The same for each stage of a model on its own; it is not differential privacy"
    ),
    builtin!(
        "client-event-handler",
        "ClientEventHandler",
        "Accepts every event: the place of a site's own logic"
    ),
    builtin!(
        "server-event-handler",
        "ServerEventHandler",
        "Reports how a run comes along to the hub, and has its results gathered and uploaded"
    ),
    builtin!(
        "validation-json-generator",
        "ValidationJsonGenerator",
        "Gathers the results of cross-site validation in one JSON file"
    ),
    builtin!(
        "evaluation-json-generator",
        "EvaluationJsonGenerator",
        "Gathers the results of an evaluation, and what failed in it, in JSON files"
    ),
    builtin!(
        "persist-to-s3-and-cleanup",
        "PersistToS3AndCleanup",
        "Uploads a job's folder as an archive and deletes what the run leaves behind"
    ),
    builtin!(
        "pt-model-locator",
        "PTModelLocator",
        "Finds the model that a run has trained, for its validation"
    ),
    builtin!(
        "initial-pt-model-locator",
        "InitialPTModelLocator",
        "Finds the model that a run starts from, in its app or among those that outlive jobs"
    ),
    builtin!(
        "evaluation-pt-model-locator",
        "EvaluationPTModelLocator",
        "Finds the models that an evaluation names, and answers with all of them"
    ),
    builtin!(
        "checkpoint-locator",
        "CheckpointLocator",
        "Reads any PyTorch checkpoint: its weights, and nothing else"
    ),
    builtin!("cleanup-images", "CleanupImages", "Deletes a site's copies of images when they are not needed"),
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
