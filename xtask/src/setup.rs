//! What a fresh machine lacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{command, has, output, run};

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

/// A Python of this minor version of Python 3 or a later one.
pub fn python(minor: u32) -> Result<String> {
    let check = format!("import sys; sys.exit(sys.version_info < (3, {minor}))");
    let names =
        std::iter::once("python3".to_owned()).chain((minor..minor + 5).map(|n| format!("python3.{n}")));
    let mut new_enough = names.filter(|name| has(name, &["-c", &check]));
    new_enough.next().with_context(|| format!("no Python 3.{minor} or later is on the path"))
}

/// A Python that has these modules, in a virtual environment of its own, made by `python` where there is none;
/// where a module is missing, pip is told by `what` to install them.
pub fn venv(python: &str, venv: &Path, modules: &[&str], what: impl FnOnce(&mut Command)) -> Result<PathBuf> {
    if !venv.join("bin/python").exists() {
        run(command(python, &["-m", "venv"]).arg(venv))?;
    }
    let python = venv.join("bin/python");
    let import = format!("import {}", modules.join(", "));
    if !command(&python, &["-c", &import]).current_dir(venv).output().is_ok_and(|ran| ran.status.success()) {
        let mut pip = command(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        what(&mut pip);
        run(&mut pip)?;
    }
    Ok(python)
}
