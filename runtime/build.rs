//! Builds the components that the runtime carries, so that every build of it has them.

use std::path::{Path, PathBuf};
use std::{env, process};

/// What the built-ins are made of.
const SOURCES: &[&str] = &["Cargo.lock", "wit", "components"];

fn main() {
    if let Err(error) = build() {
        println!("cargo::error={error}");
        process::exit(1);
    }
}

fn build() -> Result<(), Box<dyn std::error::Error>> {
    let manifest_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let workspace = manifest_dir.parent().unwrap_or(Path::new("."));
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    flip_component_build::build(workspace, flip_component_build::BUILTINS, Path::new(&env::var("OUT_DIR")?))?;
    Ok(())
}
