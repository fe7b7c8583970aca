//! How many instances a process holds, and what one costs.

use anyhow::Result;
use serde::Deserialize;

use super::Bench;
use super::figures::{Figures, Plot, Table, bytes, ratio, time};
use super::measure::{in_turn, median, watched};
use crate::process::{command, output};

const ROUNDS: usize = 5;
const INSTANCES: [u64; 4] = [1, 10, 100, 1_000];

/// What the program prints.
#[derive(Deserialize)]
struct Measured {
    /// By how many bytes all instances made the process grow.
    growth: Option<u64>,
    /// How many seconds of CPU time it took to make one.
    create: f64,
    /// How many it took where another had ended.
    replace: f64,
}

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let numpy =
        in_turn(&["import numpy"], ROUNDS, |import| watched(&mut command(bench.python, &["-c", *import])))?;
    let numpy = numpy.into_iter().next().unwrap_or_default();
    let header = [
        "instances",
        "memory of each",
        "CPU time to make one",
        "in a place made ready",
        "in the place of another",
        "Python's memory, times as much",
        "Python's CPU time",
    ];
    let mut table = Table::new("", &header);
    let ways = ["instances in one process", "Python processes with NumPy"].map(str::to_owned);
    let mut plot = Plot::new("density", "Memory by instances", "instances", "memory, MiB", ways);
    for instances in INSTANCES {
        let rounds = |how: &[&str]| {
            let rounds = (0..ROUNDS).map(|_| {
                let mut program = command(bench.program("density")?, &[&*instances.to_string()]);
                Ok(serde_json::from_str::<Measured>(&output(program.args(how))?)?)
            });
            rounds.collect::<Result<Vec<_>>>()
        };
        let (rounds, warm) = (rounds(&[])?, rounds(&["warm"])?);
        let create = median(rounds.iter().map(|round| round.create));
        let ready = median(warm.iter().map(|round| round.create));
        let replace = median(rounds.iter().map(|round| round.replace));
        let growth = median(rounds.iter().filter_map(|round| round.growth).map(|growth| growth as f64));
        let each = growth / instances as f64;
        let python = numpy.memory.map(|memory| memory as f64);
        table.rows.push(vec![
            instances.to_string(),
            bytes(each as u64),
            time(create),
            time(ready),
            time(replace),
            python.map_or_else(String::new, |python| ratio(python / each)),
            ratio(numpy.cpu / create),
        ]);
        let mebibyte = f64::from(1 << 20);
        let processes = python.map(|python| python * instances as f64 / mebibyte);
        plot.add(instances as f64, [Some(growth / mebibyte), processes]);
    }
    Ok(Figures {
        title: "Instance density".to_owned(),
        text: format!(
            "Live instances of PercentilePrivacy in one process: by how much the process grows with each, and the \
             median CPU time to make one: in a new place, in one made ready before (`InstanceBuilder::warm`), and where \
             another has ended. They are idle: what a call takes comes on top. Beside it, what a Python \
             process takes that imports NumPy ({}, {}): the other way to keep two apart.",
            numpy.memory.map_or_else(String::new, bytes),
            time(numpy.cpu)
        ),
        tables: vec![table],
        plots: vec![plot],
        result: String::new(),
        quick: false,
    })
}
