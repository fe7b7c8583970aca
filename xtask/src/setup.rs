//! What a fresh machine lacks.

use anyhow::{Context, Result};

use crate::process::{command, output, run};

const TARGET: &str = "wasm32-unknown-unknown";

/// Adds the target that components are compiled for, where it is missing.
pub fn wasm_target() -> Result<()> {
    let libdir = output(&mut command("rustc", &["--print", "target-libdir", "--target", TARGET]))?;
    if std::path::Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    run(&mut command("rustup", &["target", "add", TARGET]))
        .with_context(|| format!("the Rust toolchain lacks the target {TARGET} and rustup cannot add it"))
}
