//! The sandboxed filter beside memory, NumPy and native code, in memory.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Bench;
use super::figures::{Figures, Plot, Table, Target, bytes, millions, ratio, throughput, time};
use super::machine::{cores, fits, on};
use super::measure::{Measured, in_turn, told};
use crate::process::output;

/// How many elements, and how often each way is measured; the second is a ResNet-50's.
const SIZES: [(u64, usize); 4] = [(1_000_000, 9), (25_600_000, 5), (100_000_000, 5), (1_000_000_000, 3)];
const QUICK: [(u64, usize); 2] = [(1_000_000, 3), (10_000_000, 3)];

/// The memory that each way needs, in tenths of the data, and some to spare.
const NEEDS: [(&str, u64); 4] = [("memcpy", 21), ("NumPy", 31), ("native", 11), ("sandboxed", 12)];

/// What is aimed at: with so many elements so many times as fast as NumPy, on one core and on all.
const TIMES: [(u64, f64, f64); 2] = [(25_600_000, 8.0, 12.0), (100_000_000, 12.0, 20.0)];
/// And so much memory at most that is the component's own.
const MOST: u64 = 16 << 20;

/// How often a run with what a report needs stands beside one without, for each time that a way is measured: the two
/// differ by less than the same run does from one time to the next.
const PAIRS: usize = 5;

/// How many times as much it took with what a report needs.
#[derive(Deserialize)]
struct Cost {
    cpu: f64,
    wall: f64,
}

/// A way to do it, and on how many cores.
type Way = (&'static str, usize);

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let ways: [Way; 6] = [
        ("memcpy", 1),
        ("memcpy", cores()),
        ("NumPy", 1),
        ("native", 1),
        ("sandboxed", 1),
        ("sandboxed", cores()),
    ];
    let names = ways.map(|(way, cores)| format!("{way}, {}", cores_of(cores)));
    let x = "parameters (float32)";
    let mut plot = Plot::new("filter", "The filter's throughput by size", x, "GB/s", names.clone());
    let sandboxed = [1, cores()].map(cores_of);
    let mut memory =
        Plot::new("filter-memory", "The component's memory by size", x, "memory, MiB", sandboxed);
    let (mut targets, mut most) = (Vec::new(), None);
    let header = [
        "way",
        "CPU",
        "wall",
        "x NumPy (CPU)",
        "x NumPy (wall)",
        "x native (wall)",
        "of memcpy's throughput on as many cores",
        "memory beyond the input",
        "the component's own",
    ];
    let mut tables = Vec::new();
    let cost = ["parameters", "on", "pairs", "CPU", "wall"];
    let mut cost = Table::new("What it costs to measure what changed, for a report", &cost);
    for &(elements, rounds) in bench.sizes(&SIZES, &QUICK) {
        let data = bench.update(elements)?;
        let able: Vec<_> = ways.into_iter().filter(|(way, _)| fits(&NEEDS, way, 4 * elements)).collect();
        let measured = in_turn(&able, rounds, |&(way, cores)| match way {
            "NumPy" => told(on(cores, bench.python, &["runtime/benches/filter.py"]).arg(&data)),
            "memcpy" | "sandboxed" => {
                let cores_given = cores.to_string();
                told(on(cores, bench.program("filter")?, &[way]).arg(&data).arg(cores_given))
            }
            way => told(on(cores, bench.program("filter")?, &[way]).arg(&data)),
        })?;
        let room = fits(&NEEDS, "sandboxed", 4 * elements);
        for cores in [1, cores()].into_iter().filter(|_| room) {
            let pairs = (PAIRS * rounds).to_string();
            let program = bench.program("filter")?;
            let told =
                output(on(cores, program, &["compared"]).arg(&data).args([&cores.to_string(), &pairs]))?;
            let Cost { cpu, wall } =
                serde_json::from_str(&told).with_context(|| format!("no ratios: {told}"))?;
            let [cpu, wall] = [cpu, wall].map(|times| format!("{times:.3}"));
            cost.rows.push(vec![millions(elements), cores_of(cores), pairs, cpu, wall]);
        }
        std::fs::remove_file(data)?;
        let found =
            |way| able.iter().zip(&measured).find(|(able, _)| **able == way).map(|(_, measured)| measured);
        let wall = |way, measured: &Measured| found(way).map_or(f64::NAN, |other| other.wall / measured.wall);
        let mut table =
            Table::new(format!("{} parameters, {}", millions(elements), bytes(4 * elements)), &header);
        for (name, way) in names.iter().zip(ways) {
            table.rows.push(match found(way) {
                None => vec![name.clone(), "not enough memory".to_owned()],
                Some(measured) => vec![
                    name.clone(),
                    time(measured.cpu),
                    time(measured.wall),
                    ratio(found(("NumPy", 1)).map_or(f64::NAN, |numpy| numpy.cpu / measured.cpu)),
                    ratio(wall(("NumPy", 1), measured)),
                    ratio(wall(("native", 1), measured)),
                    format!("{:.1} %", 100.0 * wall(("memcpy", way.1), measured)),
                    measured.memory.map_or_else(String::new, bytes),
                    measured.component.map_or_else(String::new, bytes),
                ],
            });
        }
        let of_way = |way| found(way).map(|measured| throughput(4 * elements, measured.wall));
        plot.add(elements as f64, ways.map(of_way));
        let own =
            [1, cores()].map(|cores| found(("sandboxed", cores)).and_then(|measured| measured.component));
        memory.add(elements as f64, own.map(|own| Some(own? as f64 / f64::from(1 << 20))));
        most = own.into_iter().flatten().chain(most).max();
        for (_, one, all) in TIMES.into_iter().filter(|(size, ..)| *size == elements) {
            for (cores, aim) in [(1, one), (cores(), all)] {
                let Some(measured) = found(("sandboxed", cores)) else { continue };
                let times = wall(("NumPy", 1), measured);
                let what = format!("{} parameters on {}: {aim} x NumPy", millions(elements), cores_of(cores));
                targets.push(Target::new(what, format!("{} x", ratio(times)), times >= aim));
            }
        }
        tables.push(table);
    }
    tables.push(cost);
    targets.extend(most.map(|most| {
        let aim = format!("a component's own memory, at whatever size: {} at most", bytes(MOST));
        Target::new(aim, bytes(most), most <= MOST)
    }));
    Ok(Figures {
        title: "The filter in memory".to_owned(),
        text: "PercentilePrivacy on float32 in 161 tensors, limits on. `memcpy` is one copy of the data in memory, \
               on one core or shared among all: the time that its bandwidth alone would take. NumPy evaluates the expressions of the algorithm, one \
               after the other, and frees what it no longer needs. The last column is the most that the memories and \
               tables of the component came to, of one instance where several share the work; of a million parameters, \
               4 MiB, one does all of it on any number of cores. To measure what changed as well, for a report, is in a table of its \
               own: how many times as long the sandboxed filter takes with it as without, as the median of pairs of \
               runs right after each other in one process."
            .to_owned(),
        tables,
        plots: vec![plot, memory],
        result: "All results are identical.".to_owned(),
        targets,
        measured: String::new(),
    })
}

pub fn cores_of(cores: usize) -> String {
    if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") }
}
