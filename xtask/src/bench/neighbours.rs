//! What it costs a component that others in its process loop without end.

use std::fs;

use anyhow::Result;
use serde::Deserialize;

use super::Bench;
use super::figures::{Figures, Plot, Table, Target, millions, ratio, time};
use crate::process::{command, output};

const ROUNDS: usize = 9;
const NEIGHBOURS: u32 = 64;
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const QUICK: [u64; 2] = [10_000, 1_000_000];
/// What is aimed at: so many times as long as alone, at most.
const MOST: f64 = 2.0;

/// What the program prints, in seconds.
#[derive(Deserialize)]
struct Measured {
    alone: f64,
    beside: f64,
}

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let header = ["elements", "alone", "beside them", "times as long"];
    let mut table = Table::new("", &header);
    let ways = ["alone", "beside 64 that loop"].map(str::to_owned);
    let mut plot = Plot::new("neighbours", "A filter and its neighbours", "elements", "wall time, ms", ways);
    let mut targets = Vec::new();
    for &elements in bench.sizes(&SIZES, &QUICK) {
        let file = bench.update(elements)?;
        let mut program = command(bench.program("filter")?, &["beside"]);
        let told = output(program.arg(&file).args([&NEIGHBOURS.to_string(), &ROUNDS.to_string()]))?;
        let Measured { alone, beside } = serde_json::from_str(&told)?;
        fs::remove_file(file)?;
        table.rows.push(vec![millions(elements), time(alone), time(beside), ratio(beside / alone)]);
        plot.add(elements as f64, [alone, beside].map(|wall| Some(wall * 1e3)));
        let aim =
            format!("{} elements beside {NEIGHBOURS} that loop: at most {MOST} x alone", millions(elements));
        targets.push(Target::new(aim, ratio(beside / alone), beside <= MOST * alone));
    }
    Ok(Figures {
        title: "Neighbours that loop".to_owned(),
        text: format!(
            "PercentilePrivacy in memory on all cores, from making its instance to its result, alone and beside \
             {NEIGHBOURS} components of the same process that loop without end, each of which has run for longer: the medians of {ROUNDS} \
             rounds. Were the cores shared evenly it would take {} times as long on one core.",
            NEIGHBOURS + 1
        ),
        tables: vec![table],
        plots: vec![plot],
        result: String::new(),
        targets,
        measured: String::new(),
    })
}
