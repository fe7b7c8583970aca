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
    /// What it took to make one.
    create: Times,
    /// To end one.
    end: Times,
    /// To make another in its place.
    replace: Times,
}

/// In seconds.
#[derive(Clone, Copy, Deserialize)]
struct Times {
    cpu: f64,
    wall: f64,
}

/// The medians of several rounds.
fn of_rounds(rounds: &[Measured], which: impl Fn(&Measured) -> Times) -> Times {
    let middle = |figure: fn(Times) -> f64| median(rounds.iter().map(|round| figure(which(round))));
    Times { cpu: middle(|times| times.cpu), wall: middle(|times| times.wall) }
}

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let header = [
        "instances",
        "memory of each",
        "memory of a Python process",
        "times as much",
        "CPU time to make one",
        "in a place made ready",
        "in the place of another",
        "to end one",
        "of a Python process",
        "times as much",
    ];
    let mut table = Table::new("", &header);
    let header = [
        "instances",
        "to make one",
        "in a place made ready",
        "in the place of another",
        "to end one",
        "of a Python process",
        "times as much",
    ];
    let mut walls = Table::new("The same in wall-clock time", &header);
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
        let create = of_rounds(&rounds, |round| round.create);
        let ready = of_rounds(&warm, |round| round.create);
        let replace = of_rounds(&rounds, |round| round.replace);
        let end = of_rounds(&rounds, |round| round.end);
        let all = [create, ready, replace, end];
        let growth = median(rounds.iter().filter_map(|round| round.growth).map(|growth| growth as f64));
        let each = growth / instances as f64;
        let python = numpy.memory.map(|memory| memory as f64);
        let mut row = vec![
            instances.to_string(),
            bytes(each as u64),
            numpy.memory.map_or_else(String::new, bytes),
            python.map_or_else(String::new, |python| ratio(python / each)),
        ];
        row.extend(all.map(|times| time(times.cpu)));
        row.extend([time(numpy.cpu), ratio(numpy.cpu / create.cpu)]);
        table.rows.push(row);
        let mut row = vec![instances.to_string()];
        row.extend(all.map(|times| time(times.wall)));
        row.extend([time(numpy.wall), ratio(numpy.wall / create.wall)]);
        walls.rows.push(row);
        let mebibyte = f64::from(1 << 20);
        let processes = python.map(|python| python * instances as f64 / mebibyte);
        plot.add(instances as f64, [Some(growth / mebibyte), processes]);
        let made = [create, ready, replace].map(|times| times.cpu);
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
        tables: vec![table, walls],
        plots: vec![plot, times],
        result: String::new(),
        targets,
        measured: String::new(),
    })
}
