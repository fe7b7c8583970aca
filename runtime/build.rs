//! Builds the components that the runtime carries, so that every build of it has them.

use std::path::{Path, PathBuf};
use std::{env, process};

/// The packages in `components/` that are built in.
const BUILTINS: &[&str] = &["percentile-privacy", "stage-percentile-privacy"];

/// What the built-ins are made of, besides their own folders.
const SOURCES: &[&str] =
    &["Cargo.lock", "wit", "components/order-statistics", "components/sdk", "components/truncation"];

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
    for builtin in BUILTINS {
        println!("cargo::rerun-if-changed={}", workspace.join("components").join(builtin).display());
    }
    flip_component_build::build(workspace, BUILTINS, Path::new(&env::var("OUT_DIR")?))?;
    Ok(())
}
