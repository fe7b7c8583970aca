//! What a class path in a job's configuration stands for.

use std::path::{Path, PathBuf};

use crate::builtin::{BUILTINS, Builtin};
use crate::component::{Source, name_of};
use crate::inspect::Digest;

/// The packages of the components that are built in: FLIP's, and that which runs them in NVFLARE.
const COMPONENTS: [&str; 2] = ["flip.nvflare.components.", "flip_wasm.nvflare.components."];
/// What stands before the file of anyone's component.
const WASM: &str = "wasm:";

/// What an entry of a configuration is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A component that is built in.
    Builtin(&'static Builtin),
    /// Anyone's component.
    File {
        /// The job's folder.
        folder: PathBuf,
        /// Its file in it.
        path: PathBuf,
        /// The digest that it must have.
        sha256: Option<Digest>,
    },
    /// A part of the FL engine, or Python that this runtime does not run: it is left alone.
    Engine {
        /// Its class path or name.
        class: String,
    },
}

impl Kind {
    /// The name that a policy may have for it, if it is a component.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Builtin(builtin) => Some(builtin.class.to_owned()),
            Self::File { path, .. } => Some(name_of(path)),
            Self::Engine { .. } => None,
        }
    }

    /// What a class path stands for; `wasm:` names a file in the job's folder.
    pub(super) fn of(path: &str, sha256: Option<Digest>, folder: &Path) -> Self {
        if let Some(file) = path.strip_prefix(WASM) {
            return Self::File { folder: folder.to_owned(), path: file.into(), sha256 };
        }
        let class = class_name(path);
        let ours = COMPONENTS.iter().any(|package| path.starts_with(package));
        match BUILTINS.iter().find(|builtin| ours && builtin.class == class) {
            Some(builtin) => Self::Builtin(builtin),
            None => Self::Engine { class: path.to_owned() },
        }
    }

    /// Where the component comes from, if it is one.
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Builtin(builtin) => Some(Source::Builtin(builtin)),
            Self::File { folder, path, .. } => {
                Some(Source::OfJob { folder: folder.clone(), path: path.clone() })
            }
            Self::Engine { .. } => None,
        }
    }

    /// Whether it keeps the engine's model.
    pub(super) fn is_model_persistor(&self) -> bool {
        matches!(self, Self::Engine { class } if class_name(class).ends_with("Persistor"))
    }
}

/// The class at the end of a class path.
pub fn class_name(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, class)| class)
}
