//! The filter through NVFLARE's class, in one process with NVFLARE's own.

use anyhow::Result;
use serde::Deserialize;

use super::Bench;
use super::figures::{Figures, Plot, Table, bytes, millions, ratio, throughput, time};
use super::measure::Measured;
use crate::process::{command, output, root};
use crate::python;

/// How many elements.
const SIZES: [u64; 3] = [1_000_000, 25_600_000, 100_000_000];
const QUICK: [u64; 2] = [1_000_000, 10_000_000];

/// The medians that the program prints.
#[derive(Deserialize)]
struct Pair {
    ours: Measured,
    reference: Measured,
}

/// Builds the wheel, and runs the benchmark in the venv of its tests.
pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let python = python::installed()?;
    let ways = ["NVFLARE's class", "flip-wasm's class"];
    let lines = ways.map(str::to_owned);
    let mut plot =
        Plot::new("nvflare", "In NVFLARE: throughput by size", "parameters (float32)", "GB/s", lines);
    let header = [
        "parameters",
        "way",
        "CPU",
        "wall",
        "x NVFLARE (CPU)",
        "x NVFLARE (wall)",
        "memory beyond the input",
    ];
    let mut table = Table::new("", &header);
    for &elements in bench.sizes(&SIZES, &QUICK) {
        let mut program = command(&python, &["python/benches/nvflare_filter.py"]);
        let text = output(program.current_dir(root()).arg(elements.to_string()))?;
        let Pair { ours, reference } = serde_json::from_str(text.trim())?;
        for (name, way) in ways.iter().zip([&reference, &ours]) {
            table.rows.push(vec![
                millions(elements),
                (*name).to_owned(),
                time(way.cpu),
                time(way.wall),
                ratio(reference.cpu / way.cpu),
                ratio(reference.wall / way.wall),
                way.memory.map_or_else(String::new, bytes),
            ]);
        }
        plot.add(elements as f64, [&reference, &ours].map(|way| Some(throughput(4 * elements, way.wall))));
    }
    Ok(Figures {
        title: "The filter in NVFLARE".to_owned(),
        text: "PercentilePrivacy through NVFLARE's `DXOFilter`, in one Python process: the class of \
               `flip_wasm.nvflare.components`, and NVFLARE's own."
            .to_owned(),
        tables: vec![table],
        plots: vec![plot],
        result: "All results are identical.".to_owned(),
        targets: Vec::new(),
        measured: String::new(),
    })
}
