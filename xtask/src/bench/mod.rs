//! `cargo xtask bench`: what is done here beside what Python does, in one run.

mod archive;
mod filter;
mod nvflare;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process::{cargo, output, target};
use crate::setup;

/// The packages with a benchmark's own program, and how the program is called.
const PROGRAMS: [(&str, &str); 2] = [("flip-runtime", "filter"), ("flip-wasm-tests", "archive")];
/// What Python must have.
const MODULES: [&str; 2] = ["boto3", "numpy"];

/// What a benchmark works with.
struct Bench<'a> {
    /// A directory for data.
    directory: &'a Path,
    python: &'a Path,
    /// Its own program.
    program: &'a Path,
}

/// Runs one benchmark after the other.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    let directory = target().join("bench");
    fs::create_dir_all(&directory)?;
    let python = setup::venv(&setup::python(10)?, &directory.join("venv"), &MODULES, |pip| {
        pip.args(MODULES);
    })?;
    println!("Building the release; this takes some minutes.");
    let programs = build()?;
    let bench = |name| {
        let program = programs.get(name).with_context(|| format!("cargo built no program {name}"))?;
        anyhow::Ok(Bench { directory: &directory, python: &python, program })
    };
    filter::run(&bench("filter")?)?;
    archive::run(&bench("archive")?)?;
    nvflare::run_bench()
}

/// Builds all programs in one go: each alone would choose features of its own for what they depend on.
fn build() -> Result<HashMap<String, PathBuf>> {
    /// What cargo says of a target that it built.
    #[derive(Deserialize)]
    struct Artifact {
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let mut build = cargo(&["bench", "--quiet", "--locked", "--no-run", "--message-format", "json"]);
    for (package, name) in PROGRAMS {
        build.args(["--package", package, "--bench", name]);
    }
    let messages = output(&mut build)?;
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    Ok(artifacts.filter_map(|artifact| Some((artifact.target.name, artifact.executable?))).collect())
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
