//! Compiles component crates for `wasm32-unknown-unknown` and encodes them as components: those of this
//! workspace, for build scripts, so that a plain `cargo build` has its components at hand; and anyone's, for
//! `flip-wasm build`.
//!
//! A nested cargo does the compiling: with a target directory of its own (the outer cargo holds a lock
//! on its) and with the environment that a shell would give it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The target that every Rust component of this workspace is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The packages in `components/` that the runtime carries, and that are handed out as files.
pub const BUILTINS: &[&str] = &[
    "percentile-privacy",
    "stage-percentile-privacy",
    "client-event-handler",
    "server-event-handler",
    "validation-json-generator",
    "evaluation-json-generator",
    "persist-to-s3-and-cleanup",
    "cleanup-images",
    "pt-model-locator",
    "initial-pt-model-locator",
    "evaluation-pt-model-locator",
    "checkpoint-locator",
];

/// Why a component could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Rust.
    #[error("{tool} is missing; install Rust with rustup: https://rustup.rs")]
    Missing {
        /// The program that is not there.
        tool: &'static str,
    },
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

/// What it means that a program of Rust cannot be run.
fn not_run(tool: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| match source.kind() {
        io::ErrorKind::NotFound => Error::Missing { tool },
        _ => Error::Io { what: tool.to_owned(), source },
    }
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
    let compile =
        Compile { workspace, title: "flip-wasm", packages, profile: "component", target_dir: &target_dir };
    compile.run(&["--locked"])?;
    fs::create_dir_all(out).map_err(io_error(out.display()))?;
    packages
        .iter()
        .map(|package| {
            let component = out.join(format!("{package}.wasm"));
            fs::write(&component, compile.component(package)?).map_err(io_error(component.display()))?;
            Ok(component)
        })
        .collect()
}

/// Builds the component crate `package` of a project of its own, in its profile `release`, and returns the
/// component.
///
/// # Errors
///
/// As of [`build`].
pub fn build_project(project: &Path, package: &str) -> Result<Vec<u8>, Error> {
    let target_dir = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let target_dir = project.join(target_dir);
    let compile = Compile {
        workspace: project,
        title: package,
        packages: &[package],
        profile: "release",
        target_dir: &target_dir,
    };
    compile.run(&[])?;
    compile.component(package)
}

/// What a nested cargo is asked for.
struct Compile<'a> {
    workspace: &'a Path,
    /// What stands in panics in the place of the workspace's path.
    title: &'a str,
    packages: &'a [&'a str],
    profile: &'a str,
    target_dir: &'a Path,
}

impl Compile<'_> {
    fn run(&self, flags: &[&str]) -> Result<(), Error> {
        ensure_target()?;
        let mut command = cargo(self.workspace, self.title);
        command.args(["build", "--quiet", "--target", TARGET, "--profile", self.profile]).args(flags);
        command.arg("--target-dir").arg(self.target_dir);
        for package in self.packages {
            command.args(["--package", package]);
        }
        let status = command.status().map_err(not_run("cargo"))?;
        if status.success() { Ok(()) } else { Err(Error::Cargo { packages: self.packages.join(", ") }) }
    }

    /// What the module of a package is as a component.
    fn component(&self, package: &str) -> Result<Vec<u8>, Error> {
        let file = format!("{}.wasm", package.replace('-', "_"));
        let module = self.target_dir.join(TARGET).join(self.profile).join(file);
        let bytes = fs::read(&module).map_err(io_error(module.display()))?;
        encode(&bytes).map_err(|reason| Error::Encode { module, reason })
    }
}

/// A cargo that is run in this folder as a shell would run it there.
fn cargo(workspace: &Path, title: &str) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(workspace);
    // Panics carry the paths of source files. Without those of this machine a component is the same, and
    // has the same digest, wherever this toolchain builds it.
    let remapped = [(Some(workspace.to_owned()), title), (cargo_home(), "cargo"), (sysroot(), "rust")];
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
    command
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
/// [`Error::TargetMissing`], [`Error::Missing`], or [`Error::Io`] where rustc cannot be run.
pub fn ensure_target() -> Result<(), Error> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(not_run("rustc"))?;
    let libdir = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && libdir.is_dir() { Ok(()) } else { Err(Error::TargetMissing) }
}

/// Encodes a core module, which carries its WIT world in custom sections, as a component.
///
/// # Errors
///
/// What wit-component says of a module that is none of a component.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}
