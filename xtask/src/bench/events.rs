//! What one event costs, by the number of handlers.

use anyhow::Result;

use super::Bench;
use super::figures::{Figures, Plot, Table, ratio, time};
use super::measure::{in_turn, told};
use crate::process::command;

const ROUNDS: usize = 5;
const HANDLERS: [u64; 3] = [1, 10, 100];
/// Events that are delivered in all, whatever the number of handlers.
const DELIVERED: [(&str, u64); 3] =
    [(BASELINE, 2_000_000), ("uninterested", 2_000_000), ("interested", 50_000)];
/// The way that the others are compared with.
const BASELINE: &str = "Python";

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let ways = DELIVERED.map(|(way, _)| way.to_owned());
    let mut plot =
        Plot::new("events", "An event's time by handlers", "handlers", "wall time of one event, µs", ways);
    let header = [
        "handlers",
        "way",
        "CPU of one event",
        "wall of one event",
        "wall of one handler",
        "x Python (wall)",
    ];
    let mut table = Table::new("", &header);
    for handlers in HANDLERS {
        let events = |delivered: u64| delivered / handlers;
        let measured = in_turn(&DELIVERED, ROUNDS, |&(way, delivered)| {
            let mut program = match way {
                BASELINE => command(bench.python, &["runtime/benches/events.py"]),
                way => command(bench.program("events")?, &[way]),
            };
            told(program.args([handlers, events(delivered)].map(|number| number.to_string())))
        })?;
        let wall: Vec<f64> =
            measured.iter().zip(DELIVERED).map(|(way, (_, all))| way.wall / events(all) as f64).collect();
        let python = wall.first().copied().unwrap_or(f64::NAN);
        for ((way, all), (measured, wall)) in DELIVERED.iter().zip(measured.iter().zip(&wall)) {
            table.rows.push(vec![
                handlers.to_string(),
                (*way).to_owned(),
                time(measured.cpu / events(*all) as f64),
                time(*wall),
                time(wall / handlers as f64),
                ratio(python / wall),
            ]);
        }
        plot.add(handlers as f64, wall.iter().map(|wall| Some(wall * 1e6)));
    }
    Ok(Figures {
        title: "The cost of an event".to_owned(),
        text:
            "One event fired at a place's handlers: at ServerEventHandlers, which did not ask for it, and at \
               ClientEventHandlers, each of which is entered and does nothing. Python is a loop over as many \
               methods that do nothing, without a sandbox."
                .to_owned(),
        tables: vec![table],
        plots: vec![plot],
        result: String::new(),
        targets: Vec::new(),
        measured: String::new(),
    })
}
