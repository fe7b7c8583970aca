//! Compiles component crates of this workspace for `wasm32-unknown-unknown` and encodes them as
//! components. Build scripts call it, so that a plain `cargo build` has its components at hand.
//!
//! A nested cargo does the compiling: with a target directory of its own (the outer cargo holds a lock
//! on its), with the environment that a shell would give it, and with the workspace's lock file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The target that every Rust component of this workspace is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Why a component could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Rust toolchain in use cannot compile for [`TARGET`].
    #[error("the Rust toolchain lacks the target {TARGET}; add it with: rustup target add {TARGET}")]
    TargetMissing,
    /// The nested cargo failed; its own output says why.
    #[error("cargo could not build {packages} for {TARGET}")]
    Cargo {
        /// The packages asked for, separated by commas.
        packages: String,
    },
    /// A module that cargo built is not what a component is made of.
    #[error("{module} cannot be encoded as a component: {reason}")]
    Encode {
        /// The core module.
        module: PathBuf,
        /// What wit-component said.
        reason: String,
    },
    /// A file or a program could not be used.
    #[error("{what}: {source}")]
    Io {
        /// The file or the program.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

fn io_error(what: impl ToString) -> impl FnOnce(io::Error) -> Error {
    let what = what.to_string();
    move |source| Error::Io { what, source }
}

/// Builds the component crates `packages` of the workspace at `workspace` and writes each to
/// `out/<package>.wasm`. Returns the paths in the order of `packages`.
///
/// # Errors
///
/// [`Error::TargetMissing`] names the one command that a fresh machine needs.
pub fn build(workspace: &Path, packages: &[&str], out: &Path) -> Result<Vec<PathBuf>, Error> {
    let target_dir = workspace.join("target").join("components");
    compile(workspace, packages, &target_dir)?;
    fs::create_dir_all(out).map_err(io_error(out.display()))?;
    packages
        .iter()
        .map(|package| {
            let module =
                target_dir.join(TARGET).join("component").join(format!("{}.wasm", package.replace('-', "_")));
            let component = out.join(format!("{package}.wasm"));
            let bytes = fs::read(&module).map_err(io_error(module.display()))?;
            let encoded = encode(&bytes).map_err(|reason| Error::Encode { module, reason })?;
            fs::write(&component, encoded).map_err(io_error(component.display()))?;
            Ok(component)
        })
        .collect()
}

fn compile(workspace: &Path, packages: &[&str], target_dir: &Path) -> Result<(), Error> {
    ensure_target()?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace)
        .args(["build", "--locked", "--quiet", "--profile", "component", "--target", TARGET])
        .arg("--target-dir")
        .arg(target_dir);
    for package in packages {
        command.args(["--package", package]);
    }
    // Panics carry the paths of source files. Without those of this machine a component is the same, and
    // has the same digest, wherever this toolchain builds it.
    let remapped = [(Some(workspace.to_owned()), "flip-wasm"), (cargo_home(), "cargo"), (sysroot(), "rust")];
    for (from, to) in remapped.into_iter().filter_map(|(from, to)| Some((from?, to))) {
        let flag = format!("--remap-path-prefix={}={to}", from.display());
        command.arg("--config").arg(format!("target.{TARGET}.rustflags=[{flag:?}]"));
    }
    // What the outer cargo tells its build scripts is not meant for another cargo: flags of another
    // target, the wrapper of clippy, the directories of the outer build.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let outer =
            ["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PROFILE_", "DEP_"]
                .iter()
                .any(|prefix| text.starts_with(prefix));
        if outer || OUTER_VARIABLES.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    let status = command.status().map_err(io_error("cargo"))?;
    if status.success() { Ok(()) } else { Err(Error::Cargo { packages: packages.join(", ") }) }
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))
}

fn sysroot() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Set by the outer cargo, and not under a prefix of their own.
const OUTER_VARIABLES: &[&str] = &[
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_DIR",
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "MFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "TARGET",
];

/// Fails with the command that adds [`TARGET`] where the toolchain has no library for it.
///
/// # Errors
///
/// [`Error::TargetMissing`], or [`Error::Io`] where rustc cannot be run.
pub fn ensure_target() -> Result<(), Error> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(io_error("rustc"))?;
    let libdir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && libdir.is_dir() { Ok(()) } else { Err(Error::TargetMissing) }
}

/// Encodes a core module, which carries its WIT world in custom sections, as a component.
fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}
