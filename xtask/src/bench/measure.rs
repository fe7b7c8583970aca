//! Several ways to the same result, measured in turn.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use wait4::Wait4;

use crate::process::output;

/// What one way took, once; of several rounds the medians, and the most memory.
#[derive(Clone, Default, Deserialize)]
pub struct Measured {
    /// CPU time, in seconds.
    pub cpu: f64,
    /// Wall-clock time, in seconds.
    pub wall: f64,
    /// Memory at most, in bytes, where the system tells: of a program all of it, within one what was added.
    #[serde(default)]
    pub memory: Option<u64>,
    /// The most that the memories and tables of a component came to, in bytes, where there is one.
    #[serde(default)]
    pub component: Option<u64>,
    /// The sha256 of the result, where it has one.
    #[serde(default)]
    pub digest: Option<String>,
}

/// What a program says of itself.
pub fn told(program: &mut Command) -> Result<Measured> {
    let text = output(program)?;
    serde_json::from_str(text.trim()).with_context(|| format!("not a measurement: {text}"))
}

/// What the system says of a program, from its start to its end.
pub fn watched(program: &mut Command) -> Result<Measured> {
    let started = Instant::now();
    let name = program.get_program().to_owned();
    let child = program.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let used = child.wait4()?;
    let wall = started.elapsed().as_secs_f64();
    ensure!(used.status.success(), "failed: {}", name.display());
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok(Measured { cpu, wall, memory: Some(used.rusage.maxrss), ..Measured::default() })
}

/// Measures every way in turn, `rounds` times, so that whatever else the machine does falls on all of them.
/// All results must be the same.
pub fn in_turn<W>(
    ways: &[W],
    rounds: usize,
    mut measure: impl FnMut(&W) -> Result<Measured>,
) -> Result<Vec<Measured>> {
    let mut measured: Vec<Vec<Measured>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (way, measured) in ways.iter().zip(&mut measured) {
            measured.push(measure(way)?);
        }
    }
    let digests = || measured.iter().flatten().filter_map(|measured| measured.digest.as_ref());
    ensure!(digests().all(|digest| Some(digest) == digests().next()), "the ways do not agree on the result");
    Ok(measured.iter().map(|rounds| medians(rounds)).collect())
}

/// Of several rounds of one way.
pub fn medians(rounds: &[Measured]) -> Measured {
    Measured {
        cpu: median(rounds.iter().map(|measured| measured.cpu)),
        wall: median(rounds.iter().map(|measured| measured.wall)),
        memory: rounds.iter().filter_map(|measured| measured.memory).max(),
        component: rounds.iter().filter_map(|measured| measured.component).max(),
        digest: None,
    }
}

pub fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
