//! The sandboxed filter beside NumPy and native code.

use anyhow::{Result, ensure};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Deserialize;

use super::{Bench, mebibytes, median};
use crate::process::{command, output};

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
pub fn run(bench: &Bench<'_>) -> Result<()> {
    let data = bench.directory.join("update.f32");
    output(command(bench.program, &["make"]).arg(&data).arg(ELEMENTS))?;
    let mut rounds: Vec<Vec<Measured>> = WAYS.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (way, rounds) in WAYS.iter().zip(&mut rounds) {
            let mut measured = match *way {
                BASELINE => command(bench.python, &["runtime/benches/filter.py"]),
                way => command(bench.program, &[way]),
            };
            let text = output(measured.arg(&data).arg(TENSORS))?;
            rounds.push(serde_json::from_str(text.trim())?);
        }
    }
    let digests = || rounds.iter().flatten().map(|measured| &measured.digest);
    ensure!(digests().all(|digest| Some(digest) == digests().next()), "the ways do not agree on the result");
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(vec!["way", "CPU", "wall", "x NumPy (CPU)", "component memory"]);
    let cpu = |rounds: &[Measured]| median(rounds.iter().map(|measured| measured.cpu));
    let baseline = rounds.first().map_or(f64::NAN, |numpy| cpu(numpy));
    for (way, rounds) in WAYS.iter().zip(&rounds) {
        let memory = rounds.iter().map(|measured| measured.component_memory).max().unwrap_or(0);
        table.add_row(vec![
            (*way).to_owned(),
            format!("{:.1} ms", cpu(rounds) * 1e3),
            format!("{:.1} ms", median(rounds.iter().map(|measured| measured.wall)) * 1e3),
            format!("{:.1}", baseline / cpu(rounds)),
            if memory == 0 { String::new() } else { mebibytes(memory) },
        ]);
    }
    println!(
        "\nPercentilePrivacy on {ELEMENTS} float32 in {TENSORS} tensors, median of {ROUNDS}, limits on:\n\n{table}"
    );
    println!("\nAll results are identical.");
    Ok(())
}
