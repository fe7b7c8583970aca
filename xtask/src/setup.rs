//! What a fresh machine lacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{command, has, is, output, run, target};

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

/// A program in a virtual environment in `target`: its authors put it into a wheel, this version of `package`.
pub fn wheel(program: &str, package: &str, version: &str) -> Result<PathBuf> {
    let folder = target().join("tools").join(program);
    let path = folder.join("bin").join(program);
    let wanted = format!("{program} {version}");
    if !is(&path, &wanted) {
        // A wheel without a module: none of this name is ever there, and pip is asked.
        venv(&python(10)?, &folder, &[&program.replace('-', "_")], |pip| {
            pip.arg(format!("{package}=={version}"));
        })?;
        if !is(&path, &wanted) {
            bail!("{package} {version} is installed, and brings no {wanted} that runs here");
        }
    }
    Ok(path)
}

/// What C is compiled for WebAssembly with, on Debian. Each is of the version that the distribution has of clang:
/// what clang links has another place in each of its versions.
const CLANG: [&str; 4] = ["clang", "lld", "wasi-libc", "libclang-rt-dev-wasm32"];

/// A clang that compiles and links for WebAssembly; where it is missing, apt-get is asked for it.
pub fn clang_for_wasm() -> Result<()> {
    apt(&CLANG, "clang for WebAssembly", has_clang_for_wasm)
}

/// A Chromium; where it is missing, apt-get is asked for it.
pub fn chromium() -> Result<()> {
    apt(&["chromium"], "Chromium", || {
        ["chromium", "chromium-browser"].iter().any(|name| has(name, &["--version"]))
    })
}

/// A program that copies OCI images; where it is missing, apt-get is asked for it.
pub fn skopeo() -> Result<()> {
    apt(&["skopeo"], "skopeo", || has("skopeo", &["--version"]))
}

/// Has apt-get install packages, where what they bring is not there.
fn apt(packages: &[&str], what: &str, is_there: impl Fn() -> bool) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let install = format!("apt-get install {}", packages.join(" "));
    if has("apt-get", &["--version"]) {
        // Of a fresh machine, the lists of packages are missing too; where they cannot be had, what is
        // installed may do.
        let _ = run(&mut command("apt-get", &["update", "-qq"]));
        let mut apt = command("apt-get", &["install", "--yes", "-qq", "--no-install-recommends"]);
        run(apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
            .with_context(|| format!("{what} is missing; install it as root: {install}"))?;
    }
    match is_there() {
        true => Ok(()),
        false => bail!("{what} is missing; install it, on Debian: {install}"),
    }
}

fn has_clang_for_wasm() -> bool {
    let found = |question| {
        let path = output(&mut command("clang", &["--target=wasm32-wasi", question]));
        path.is_ok_and(|path| Path::new(path.trim()).is_file())
    };
    has("clang", &["--version"])
        && has("wasm-ld", &["--version"])
        && found("-print-file-name=crt1-reactor.o")
        && found("-print-libgcc-file-name")
}

/// Fails where there is no Node of this major version or a later one, or no npm beside it.
pub fn node(major: u32) -> Result<()> {
    let check = format!("process.exit(Number(process.versions.node.split('.')[0] < {major}))");
    if has("node", &["--eval", &check]) && has("npm", &["--version"]) {
        return Ok(());
    }
    bail!("node {major} or later and npm are not both on the path: install Node.js, which brings npm")
}
