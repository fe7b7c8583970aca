//! The program `flip-wasm filter` from file to file, up to sizes that take others much memory.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Bench;
use super::figures::{Figures, Plot, Table, Target, bytes, millions, ratio, throughput, time};
use super::filter::cores_of;
use super::machine::{cores, fits, on};
use super::measure::{Measured, in_turn, watched};
use crate::process::{command, output};

/// How many elements, and how often each way is measured.
const SIZES: [(u64, usize); 4] = [(1_000_000, 9), (25_600_000, 5), (100_000_000, 3), (1_000_000_000, 3)];
const QUICK: [(u64, usize); 2] = [(1_000_000, 3), (10_000_000, 3)];
/// What is aimed at with so many: less memory than this, and more GB/s where the disk allows it.
const LARGE: u64 = 1_000_000_000;
const MOST: u64 = 256 << 20;
const RATE: f64 = 1.0;
/// The memory that each way needs, in tenths of the data, and some to spare: NumPy has at most three copies at a time.
const NEEDS: [(&str, u64); 4] = [("copy", 0), ("NumPy", 31), ("native", 11), ("flip-wasm", 0)];

/// What is measured with the input on the disk, too, and whether on all cores.
const COLD: [(&str, bool); 3] = [("copy", false), ("flip-wasm", false), ("flip-wasm", true)];

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let ways = [("copy", 1), ("NumPy", 1), ("native", 1), ("flip-wasm", 1), ("flip-wasm", cores())];
    let names = ways.map(|(way, cores)| format!("{way}, {}", cores_of(cores)));
    let x = "parameters (float32)";
    let mut rates = Plot::new("files", "From file to file: throughput by size", x, "GB/s", names.clone());
    let mut peaks =
        Plot::new("files-memory", "From file to file: memory by size", x, "peak memory, MiB", names.clone());
    let header = [
        "way",
        "CPU",
        "wall",
        "x NumPy (CPU)",
        "x NumPy (wall)",
        "x native (wall)",
        "of copy's throughput",
        "peak memory",
    ];
    let (mut tables, mut targets) = (Vec::new(), Vec::new());
    let cold = ["parameters", "way", "CPU", "wall", "GB/s", "of copy's throughput"];
    let mut cold = Table::new("With the input on the disk, and not in memory", &cold);
    for &(elements, rounds) in bench.sizes(&SIZES, &QUICK) {
        let data = bench.update(elements)?;
        let out = bench.directory.join("filtered.safetensors");
        let able: Vec<_> = ways.into_iter().filter(|(way, _)| fits(&NEEDS, way, 4 * elements)).collect();
        // The component is compiled before anything is measured.
        watched(bench.filter_program(1)?.arg("--in").arg(&data).arg("--out").arg(&out))?;
        let measured = in_turn(&able, rounds, |way| once(bench, way, &data, &out))?;
        let from_disk =
            in_turn(&COLD.map(|(way, all)| (way, if all { cores() } else { 1 })), rounds, |way| {
                output(command(bench.program("filter")?, &["forget"]).arg(&data))?;
                once(bench, way, &data, &out)
            })?;
        fs::remove_file(data)?;
        for ((way, all), measured) in COLD.into_iter().zip(&from_disk) {
            let copy = from_disk.first().map_or(f64::NAN, |copy| copy.wall);
            cold.rows.push(vec![
                millions(elements),
                format!("{way}, {}", cores_of(if all { cores() } else { 1 })),
                time(measured.cpu),
                time(measured.wall),
                format!("{:.2}", throughput(4 * elements, measured.wall)),
                format!("{:.1} %", 100.0 * copy / measured.wall),
            ]);
        }
        let found =
            |way| able.iter().zip(&measured).find(|(able, _)| **able == way).map(|(_, measured)| measured);
        let times =
            |way, measured: &Measured| found(way).map_or(f64::NAN, |other| other.wall / measured.wall);
        let numpy_cpu =
            |measured: &Measured| found(("NumPy", 1)).map_or(f64::NAN, |numpy| numpy.cpu / measured.cpu);
        let mut table =
            Table::new(format!("{} parameters, {}", millions(elements), bytes(4 * elements)), &header);
        for (name, way) in names.iter().zip(ways) {
            table.rows.push(match found(way) {
                None => vec![name.clone(), "not enough memory".to_owned()],
                Some(measured) => vec![
                    name.clone(),
                    time(measured.cpu),
                    time(measured.wall),
                    ratio(numpy_cpu(measured)),
                    ratio(times(("NumPy", 1), measured)),
                    ratio(times(("native", 1), measured)),
                    format!("{:.1} %", 100.0 * times(("copy", 1), measured)),
                    measured.memory.map_or_else(String::new, bytes),
                ],
            });
        }
        let of_way = |way| found(way).map(|measured| throughput(4 * elements, measured.wall));
        rates.add(elements as f64, ways.map(of_way));
        let mebibytes = |measured: &Measured| Some(measured.memory? as f64 / f64::from(1 << 20));
        peaks.add(elements as f64, ways.map(|way| found(way).and_then(mebibytes)));
        tables.push(table);
        if let Some(ours) = found(("flip-wasm", cores())).filter(|_| elements == LARGE) {
            let peak = ours.memory.unwrap_or(u64::MAX);
            let rate = throughput(4 * elements, ours.wall);
            let copied = of_way(("copy", 1)).unwrap_or(f64::NAN);
            let aim = format!(
                "{} parameters, from a file that is in memory: less than {}, more than {RATE} GB/s",
                millions(elements),
                bytes(MOST)
            );
            let measured = format!("{}, {rate:.2} GB/s; a plain copy {copied:.2} GB/s", bytes(peak));
            let target = Target::new(aim, measured, peak < MOST && rate > RATE);
            targets.push(target.unless("not met: nor by the copy", peak < MOST && copied <= RATE));
        }
    }
    tables.push(cold);
    Ok(Figures {
        title: "The filter from file to file".to_owned(),
        text: "The program `flip-wasm filter` on a safetensors file, start-up and all. Each \
               ends when its file is on the disk. `copy` copies the file by windows; NumPy and native code read all of it into memory, and are left out where it does not fit. \
               NumPy evaluates the expressions of the algorithm, and frees what it no longer needs: the data, once it \
               is divided by the steps, and all magnitudes, once their percentile is known. What memory itself allows \
               at each size is in the tables of the filter in memory."
            .to_owned(),
        tables,
        plots: vec![rates, peaks],
        result: "All results are identical.".to_owned(),
        targets,
        measured: String::new(),
    })
}

/// One way on so many cores, once.
fn once(bench: &Bench<'_>, &(way, cores): &(&str, usize), data: &Path, out: &Path) -> Result<Measured> {
    let mut program = match way {
        "NumPy" => on(cores, bench.python, &["runtime/benches/filter.py"]),
        "flip-wasm" => bench.filter_program(cores)?,
        way => on(cores, bench.program("filter")?, &[way]),
    };
    match way {
        "flip-wasm" => program.arg("--in").arg(data).arg("--out").arg(out),
        _ => program.arg(data).arg(out),
    };
    let mut measured = watched(&mut program)?;
    if way != "copy" {
        measured.digest = Some(output(command(bench.program("filter")?, &["digest"]).arg(out))?);
    }
    fs::remove_file(out)?;
    Ok(measured)
}
