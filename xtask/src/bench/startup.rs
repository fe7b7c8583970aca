//! How long the program takes before it does anything, and what each tensor adds.

use anyhow::Result;

use super::Bench;
use super::figures::{Figures, Plot, Table, Target, bytes, ratio, time};
use super::measure::{in_turn, watched};
use crate::process::{command, output};

const ROUNDS: usize = 20;
const QUICK: usize = 5;
/// The numbers of tensors; the file of the first has a kilobyte.
const TENSORS: [u64; 5] = [1, 10, 100, 1_000, 10_000];
/// What is aimed at on a kilobyte, in seconds of CPU time.
const MOST: f64 = 25e-3;
const ELEMENTS_EACH: u64 = 240;
/// The way that the others are compared with.
const BASELINE: &str = "import numpy";

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let rounds = if bench.quick { QUICK } else { ROUNDS };
    let header = ["way", "CPU", "wall", "x NumPy (CPU)", "x NumPy (wall)", "peak memory"];
    let mut table = Table::new("", &header);
    let mut plot = Plot::new(
        "startup",
        "Start-up by tensors",
        "tensors in the file",
        "CPU time, ms",
        [BASELINE.to_owned(), "flip-wasm filter".to_owned()],
    );
    let mut targets = Vec::new();
    let (data, out) =
        (bench.directory.join("small.safetensors"), bench.directory.join("filtered.safetensors"));
    for tensors in TENSORS {
        let (elements, count) = ((tensors * ELEMENTS_EACH).to_string(), tensors.to_string());
        output(command(bench.program("filter")?, &["make"]).arg(&data).args([elements, count]))?;
        let filter = || {
            let mut program = bench.filter_program(usize::MAX)?;
            watched(program.arg("--in").arg(&data).arg("--out").arg(&out))
        };
        let mut compiled = None;
        if tensors == 1 {
            let first = in_turn(&[()], QUICK, |()| {
                let cache = bench.cache();
                if cache.exists() {
                    std::fs::remove_dir_all(cache)?;
                }
                filter()
            })?;
            compiled = first.into_iter().next();
        }
        // The cache is warm from here on.
        filter()?;
        let measured = in_turn(&[BASELINE, "flip-wasm"], rounds, |way| match *way {
            BASELINE => watched(&mut command(bench.python, &["-c", BASELINE])),
            _ => filter(),
        })?;
        let [numpy, ours] = &measured[..] else { continue };
        if tensors == 1 {
            let aim = format!("a kilobyte in less than {} of CPU time", time(MOST));
            targets.push(Target::new(aim, time(ours.cpu), ours.cpu < MOST));
        }
        plot.add(tensors as f64, [numpy, ours].map(|way| Some(way.cpu * 1e3)));
        let plural = if tensors == 1 { "" } else { "s" };
        let name = format!("`flip-wasm filter`, {tensors} tensor{plural}");
        let first = format!("{name}, compiled first");
        let python = (tensors == 1).then(|| ("`python -c \"import numpy\"`".to_owned(), numpy));
        let compiled = compiled.as_ref().map(|compiled| (first, compiled));
        for (name, way) in python.into_iter().chain([(name, ours)]).chain(compiled) {
            table.rows.push(vec![
                name,
                time(way.cpu),
                time(way.wall),
                ratio(numpy.cpu / way.cpu),
                ratio(numpy.wall / way.wall),
                way.memory.map_or_else(String::new, bytes),
            ]);
        }
    }
    for file in [data, out] {
        std::fs::remove_file(file)?;
    }
    Ok(Figures {
        title: "Start-up".to_owned(),
        text: format!(
            "The program `flip-wasm filter` on small files, its component compiled before but in one row: \
             medians of {rounds}, there of {QUICK}. Each tensor has {ELEMENTS_EACH} elements, and the file of one tensor a kilobyte."
        ),
        tables: vec![table],
        plots: vec![plot],
        result: String::new(),
        targets,
        measured: String::new(),
    })
}
