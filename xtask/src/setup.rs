//! What a fresh machine lacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{command, output, run};

const TARGET: &str = "wasm32-unknown-unknown";

/// Adds the target that components are compiled for, where it is missing.
pub fn wasm_target() -> Result<()> {
    let libdir = output(&mut command("rustc", &["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    run(&mut command("rustup", &["target", "add", TARGET]))
        .with_context(|| format!("the Rust toolchain lacks the target {TARGET} and rustup cannot add it"))
}

/// A Python that has these modules, in a virtual environment of its own; where one is missing, pip is told by
/// `what` to install them.
pub fn venv(venv: &Path, modules: &[&str], what: impl FnOnce(&mut Command)) -> Result<PathBuf> {
    let python = venv.join("bin/python");
    if !python.exists() {
        run(command("python3", &["-m", "venv"]).arg(venv))?;
    }
    let import = format!("import {}", modules.join(", "));
    if !command(&python, &["-c", &import]).current_dir(venv).output().is_ok_and(|ran| ran.status.success()) {
        let mut pip = command(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        what(&mut pip);
        run(&mut pip)?;
    }
    Ok(python)
}
