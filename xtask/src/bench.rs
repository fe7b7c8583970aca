//! `cargo xtask bench`: the sandboxed filter beside NumPy and native code, in one run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Deserialize;

use crate::process::{self, cargo, command, output, target};
use crate::setup;

/// How often each way is measured; the median counts.
const ROUNDS: usize = 5;
/// The data: as many elements and tensors as a ResNet-50 has.
const ELEMENTS: &str = "25600000";
const TENSORS: &str = "161";
/// The way that the others are compared with.
const BASELINE: &str = "numpy";
const WAYS: [&str; 3] = [BASELINE, "native", "sandboxed"];

/// One measurement, as the measured programs print it.
#[derive(Deserialize)]
struct Measured {
    /// CPU time, in seconds.
    cpu: f64,
    /// Wall-clock time, in seconds.
    wall: f64,
    /// The component's memory at most, in bytes.
    #[serde(default)]
    component_memory: u64,
    /// The sha256 of the result.
    digest: String,
}

/// Measures every way in turn, several times, and prints medians and ratios.
pub fn run() -> Result<()> {
    setup::wasm_target()?;
    let directory = target().join("bench");
    fs::create_dir_all(&directory)?;
    let python = numpy(&directory)?;
    let data = directory.join("update.f32");
    println!("Building the release; this takes some minutes.");
    output(native("make", &data).args([ELEMENTS]))?;
    let mut rounds: Vec<Vec<Measured>> = WAYS.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (way, rounds) in WAYS.iter().zip(&mut rounds) {
            let text = match *way {
                BASELINE => output(command(&python, &["runtime/benches/filter.py"]).arg(&data).arg(TENSORS))?,
                way => output(native(way, &data).arg(TENSORS))?,
            };
            rounds.push(serde_json::from_str(text.trim())?);
        }
    }
    let digests = || rounds.iter().flatten().map(|measured| &measured.digest);
    ensure!(digests().all(|digest| Some(digest) == digests().next()), "the ways do not agree on the result");
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(vec!["way", "CPU", "wall", "x NumPy (CPU)", "component memory"]);
    let baseline = rounds.first().map_or(f64::NAN, |numpy| median(numpy, |measured| measured.cpu));
    for (way, rounds) in WAYS.iter().zip(&rounds) {
        let memory = rounds.iter().map(|measured| measured.component_memory).max().unwrap_or(0);
        let cpu = median(rounds, |measured| measured.cpu);
        table.add_row(vec![
            (*way).to_owned(),
            format!("{:.1} ms", cpu * 1e3),
            format!("{:.1} ms", median(rounds, |measured| measured.wall) * 1e3),
            format!("{:.1}", baseline / cpu),
            if memory == 0 {
                String::new()
            } else {
                format!("{:.1} MiB", memory as f64 / f64::from(1 << 20))
            },
        ]);
    }
    println!(
        "\nPercentilePrivacy on {ELEMENTS} float32 in {TENSORS} tensors, median of {ROUNDS}, limits on:\n\n{table}"
    );
    println!("\nAll results are identical.");
    Ok(())
}

fn median(rounds: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    let mut figures: Vec<_> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The benchmark's own program.
fn native(way: &str, data: &Path) -> std::process::Command {
    let mut bench = cargo(&["bench", "--quiet", "--package", "flip-runtime", "--bench", "filter", "--"]);
    bench.arg(way).arg(data);
    bench
}

/// A Python that has NumPy, in a virtual environment of its own.
fn numpy(directory: &Path) -> Result<PathBuf> {
    let venv = directory.join("venv");
    let python = venv.join("bin/python");
    if !python.exists() {
        process::run(command("python3", &["-m", "venv"]).arg(&venv))?;
    }
    if output(command(&python, &["-c", "import numpy"]).stderr(std::process::Stdio::null())).is_err() {
        process::run(&mut command(&python, &["-m", "pip", "install", "--quiet", "numpy"]))?;
    }
    Ok(python)
}
