//! Builds the guests that the tests run.

use std::path::{Path, PathBuf};
use std::{env, process};

/// The packages in `tests/guests/`.
const GUESTS: &[&str] = &["errand", "misbehaving-filter", "misbehaving-phases"];

/// What the guests are made of, besides their own folders.
const SOURCES: &[&str] = &["Cargo.lock", "wit", "components/sdk"];

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
    for guest in GUESTS {
        println!("cargo::rerun-if-changed={}", manifest_dir.join("guests").join(guest).display());
    }
    flip_component_build::build(workspace, GUESTS, Path::new(&env::var("OUT_DIR")?))?;
    Ok(())
}
