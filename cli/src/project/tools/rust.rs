//! Rust: cargo compiles, wit-component encodes. See the crate `flip-component-build`.

use crate::project::Project;

pub fn build(project: &Project) -> anyhow::Result<Vec<u8>> {
    Ok(flip_component_build::build_project(&project.folder, &project.manifest.name)?)
}
