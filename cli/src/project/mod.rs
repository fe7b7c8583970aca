//! The project of a component: `flip-wasm new` writes it, `flip-wasm build` builds it.

pub mod args;
mod build;
mod create;
mod templates;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use serde::Deserialize;

pub use build::run as build;
pub use create::run as create;

/// The file that makes a folder a project.
const MANIFEST: &str = "flip.toml";

/// What a component is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    DxoFilter,
    Executor,
    EventHandler,
    ResultsGenerator,
    ModelLocator,
    ResultsPersistor,
}

impl Role {
    /// The name of the interface that such a component exports.
    fn name(self) -> &'static str {
        match self {
            Self::DxoFilter => "dxo-filter",
            Self::Executor => "executor",
            Self::EventHandler => "event-handler",
            Self::ResultsGenerator => "results-generator",
            Self::ModelLocator => "model-locator",
            Self::ResultsPersistor => "results-persistor",
        }
    }

    /// Its world in package `flip:fl`.
    fn world(self) -> String {
        format!("{}-component", self.name())
    }
}

/// What a component is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Lang {
    Rust,
    Python,
    Javascript,
    C,
}

impl Lang {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Javascript => "javascript",
            Self::C => "c",
        }
    }
}

/// `flip.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: String,
    role: Role,
    lang: Lang,
    /// Where package `flip:fl` lies.
    #[serde(default = "wit")]
    wit: PathBuf,
}

fn wit() -> PathBuf {
    "wit".into()
}

/// A project on disk.
struct Project {
    /// Absolute: tools run in it.
    folder: PathBuf,
    manifest: Manifest,
}

impl Project {
    fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| {
            format!("{}: this is no project of flip-wasm; flip-wasm new makes one", path.display())
        })?;
        let manifest: Manifest = toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
        args::name(&manifest.name).map_err(|reason| anyhow::anyhow!("{}: name: {reason}", path.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("{}", folder.display()))?;
        Ok(Self { folder, manifest })
    }

    fn wit(&self) -> PathBuf {
        self.folder.join(&self.manifest.wit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Result<Manifest, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_manifest_is_read_strictly() {
        let three = "name = \"x\"\nrole = \"executor\"\nlang = \"c\"\n";
        assert_eq!(manifest(three).unwrap().wit, wit());
        assert!(manifest(&format!("{three}langs = 1")).unwrap_err().contains("langs"));
        assert!(manifest("name = \"x\"").unwrap_err().contains("role"));
    }

    #[test]
    fn roles_and_languages_are_named_alike_everywhere() {
        for role in Role::value_variants() {
            assert_eq!(role.to_possible_value().unwrap().get_name(), role.name());
        }
        for lang in Lang::value_variants() {
            assert_eq!(lang.to_possible_value().unwrap().get_name(), lang.name());
        }
    }
}
