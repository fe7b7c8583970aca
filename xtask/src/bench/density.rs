//! How many instances a process holds, and what one costs.

use anyhow::Result;
use serde::Deserialize;

use super::Bench;
use super::figures::{Figures, Plot, Table, Target, bytes, ratio, time};
use super::measure::{median, medians, watched};
use crate::process::{command, output};

const ROUNDS: usize = 5;
const INSTANCES: [u64; 4] = [1, 10, 100, MANY];
/// What is aimed at: so many together take less memory than this, and to make one less CPU time, in seconds.
const MANY: u64 = 1_000;
const MEMORY: f64 = (1 << 30) as f64;
const TIME: f64 = 20e-6;

/// What the program prints.
#[derive(Deserialize)]
struct Measured {
    /// By how many bytes all instances made the process grow.
    growth: Option<u64>,
    /// How many seconds of CPU time it took to make one.
    create: f64,
    /// How many it took to end one.
    end: f64,
    /// How many to make another in its place.
    replace: f64,
}

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let header = [
        "instances",
        "memory of each",
        "CPU time to make one",
        "in a place made ready",
        "in the place of another",
        "to end one",
        "memory of a Python process",
        "its CPU time",
        "its memory, times as much",
        "its CPU time, times as much",
    ];
    let mut table = Table::new("", &header);
    let ways = ["instances in one process", "Python processes with NumPy"].map(str::to_owned);
    let mut plot = Plot::new("density", "Memory by instances", "instances", "memory, MiB", ways);
    let ways = ["in a new place", "in one made ready", "where another has ended"].map(str::to_owned);
    let mut times =
        Plot::new("density-time", "Making an instance", "instances", "CPU time of one, µs", ways.clone());
    let mut targets = Vec::new();
    for instances in INSTANCES {
        let measured = |how: &[&str]| {
            let mut program = command(bench.program("density")?, &[&*instances.to_string()]);
            anyhow::Ok(serde_json::from_str::<Measured>(&output(program.args(how))?)?)
        };
        let (mut rounds, mut warm, mut pythons) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            rounds.push(measured(&[])?);
            warm.push(measured(&["warm"])?);
            pythons.push(watched(&mut command(bench.python, &["-c", "import numpy"]))?);
        }
        let numpy = medians(&pythons);
        let create = median(rounds.iter().map(|round| round.create));
        let ready = median(warm.iter().map(|round| round.create));
        let replace = median(rounds.iter().map(|round| round.replace));
        let end = median(rounds.iter().map(|round| round.end));
        let growth = median(rounds.iter().filter_map(|round| round.growth).map(|growth| growth as f64));
        let each = growth / instances as f64;
        let python = numpy.memory.map(|memory| memory as f64);
        table.rows.push(vec![
            instances.to_string(),
            bytes(each as u64),
            time(create),
            time(ready),
            time(replace),
            time(end),
            numpy.memory.map_or_else(String::new, bytes),
            time(numpy.cpu),
            python.map_or_else(String::new, |python| ratio(python / each)),
            ratio(numpy.cpu / create),
        ]);
        let mebibyte = f64::from(1 << 20);
        let processes = python.map(|python| python * instances as f64 / mebibyte);
        plot.add(instances as f64, [Some(growth / mebibyte), processes]);
        let made = [create, ready, replace];
        times.add(instances as f64, made.map(|made| Some(made * 1e6)));
        if instances == MANY {
            let aim = format!("{MANY} instances live: less than {} together", bytes(MEMORY as u64));
            targets.push(Target::new(aim, bytes(growth as u64), growth < MEMORY));
            targets.extend(ways.iter().zip(made).map(|(way, made)| {
                let aim = format!("to make one, {way}: {} of CPU time at most", time(TIME));
                Target::new(aim, time(made), made <= TIME)
            }));
        }
    }
    Ok(Figures {
        title: "Instance density".to_owned(),
        text: "Live instances of PercentilePrivacy in one process: by how much the process grows with each, and the \
             median CPU time to make one: in a place that nobody used before, in one made ready before \
             (`InstanceBuilder::warm`, whose own time is not counted), and where another has ended. To end one, which \
             clears its place for the next, is a column of its own. In a new place most of the time is the kernel's, which finds it the pages that an instance begins \
             with. They are idle: what a call takes comes on top. Beside it, what a Python process takes that imports NumPy: the other way to keep two apart."
            .to_owned(),
        tables: vec![table],
        plots: vec![plot, times],
        result: String::new(),
        targets,
        measured: String::new(),
    })
}
