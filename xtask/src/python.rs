//! The Python package: its wheel, and everything that must hold of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{command, root, run, target};
use crate::setup;

/// The largest wheel, in bytes: a site's administrator fetches it over whatever line there is.
const MAX_WHEEL: u64 = 20 << 20;

/// The oldest Python 3 that the wheel is for.
const OLDEST: u32 = 10;
/// The oldest Python 3 that FLIP's own package is for.
const OLDEST_OF_REFERENCE: u32 = 12;

/// Some of what the tests need: where these are, the others are too.
const MODULES: [&str; 4] = ["maturin", "mypy", "nvflare", "pytest"];

/// The guest programs that its tests run.
const GUESTS: [&str; 2] = ["errand", "misbehaving-filter"];

/// A Python that has the package, as the wheel brings it, and what its tests need.
pub fn installed() -> Result<PathBuf> {
    let python = setup::venv(&setup::python(OLDEST)?, &folder().join("venv"), &MODULES, |pip| {
        pip.arg("--requirement").arg(root().join("python/tests/requirements.txt"));
    })?;
    install_wheel(&python)?;
    Ok(python)
}

/// Builds the wheel, and checks types, stubs and behaviour of what is in it.
pub fn test() -> Result<()> {
    let python = installed()?;
    let folder = folder();
    in_an_empty_venv(&folder.join("empty"), &wheel(&folder.join("wheels"))?)?;
    let guests = folder.join("guests");
    flip_component_build::build(root(), &GUESTS, &guests)?;
    let sources = root().join("python");
    let module = |args: &[&str], folder: &Path| {
        let mut module = command(&python, &["-m"]);
        module.args(args).current_dir(folder).env("FLIP_WASM_GUESTS", &guests);
        // Replays what the recorder wrote.
        module.env("FLIP_WASM", target().join("debug/flip-wasm"));
        module
    };
    run(&mut module(&["mypy"], &sources))?;
    let config = sources.join("pyproject.toml");
    // Not beside the sources, which lack the module: what is installed is looked at.
    run(module(&["mypy.stubtest", "flip_wasm._flip_wasm", "--mypy-config-file"], &folder).arg(config))?;
    run(module(&["pytest", "--quiet", "--rootdir"], &sources.join("tests")).arg(&sources))
}

/// Compares class by class with FLIP's own package, which needs Python 3.12 and torch: several gigabytes.
pub fn compare_with_reference() -> Result<()> {
    let modules = ["flip", "maturin", "moto", "pytest", "torch"];
    let python =
        setup::venv(&setup::python(OLDEST_OF_REFERENCE)?, &folder().join("reference"), &modules, |pip| {
            pip.args(["flip-utils", "maturin", "moto[server]", "psutil", "pytest", "torch"]);
        })?;
    install_wheel(&python)?;
    let tests = root().join("python/tests");
    run(command(&python, &["-m", "pytest", "--quiet", "reference"]).current_dir(tests))
}

/// Where everything of the package's tests goes.
fn folder() -> PathBuf {
    target().join("python")
}

/// Builds the wheel anew and puts it in the place of an earlier one.
fn install_wheel(python: &Path) -> Result<()> {
    let folder = folder().join("wheels");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let manifest = root().join("python/Cargo.toml");
    let mut maturin = command(python, &["-m", "maturin", "build", "--release", "--locked", "--quiet"]);
    run(maturin.arg("--manifest-path").arg(manifest).arg("--out").arg(&folder))?;
    let wheel = wheel(&folder)?;
    let size = wheel.metadata()?.len();
    if size > MAX_WHEEL {
        bail!("the wheel has {size} bytes, more than {MAX_WHEEL}");
    }
    let mut pip = command(python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    run(pip.args(["--force-reinstall", "--no-deps"]).arg(wheel))
}

/// The one wheel in a folder.
fn wheel(folder: &Path) -> Result<PathBuf> {
    Ok(fs::read_dir(folder)?.next().context("maturin made no wheel")??.path())
}

/// What a new user does first.
fn in_an_empty_venv(venv: &Path, wheel: &Path) -> Result<()> {
    if venv.exists() {
        fs::remove_dir_all(venv)?;
    }
    let python = setup::venv(&setup::python(OLDEST)?, venv, &["flip_wasm"], |pip| {
        pip.arg(wheel);
    })?;
    run(command(&python, &["-c", "import flip_wasm; print(flip_wasm.builtins())"]).current_dir(venv))
}
