//! What the manifests of this workspace say about a component.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process::{cargo, output};

/// A crate of the workspace.
#[derive(Deserialize)]
pub struct Package {
    name: String,
    pub version: String,
    pub description: String,
    pub license: String,
}

/// Every crate of the workspace, by its name.
pub fn all() -> Result<BTreeMap<String, Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }

    let args = ["metadata", "--locked", "--no-deps", "--format-version", "1"];
    let metadata: Metadata = serde_json::from_str(&output(&mut cargo(&args))?).context("cargo metadata")?;
    Ok(metadata.packages.into_iter().map(|package| (package.name.clone(), package)).collect())
}
