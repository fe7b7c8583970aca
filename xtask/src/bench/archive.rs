//! A directory's archive on its way to S3, beside Python's.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Deserialize;

use super::{Bench, mebibytes, median};
use crate::process::{self, command, output};

/// How often each way is measured; the median counts.
const ROUNDS: usize = 3;
/// The data, in bytes.
const BYTES: &str = "500000000";
/// What is aimed at: so many times as fast as Python, with less growth of memory than this.
const TIMES: f64 = 2.0;
const GROWTH: u64 = 64 << 20;
/// The way that the others are compared with; its level of deflate is 6.
const BASELINE: &str = "python";
/// Each way, and its level of deflate where that is not the usual one.
const WAYS: [(&str, Option<&str>); 3] = [(BASELINE, None), ("flip-wasm", None), ("flip-wasm", Some("6"))];
const BUCKET: &str = "bucket";

/// One measurement, as the measured programs print it.
#[derive(Deserialize)]
struct Measured {
    /// CPU time, in seconds; the server's is not in it.
    cpu: f64,
    /// Wall-clock time, in seconds.
    wall: f64,
    /// By how many bytes the process grew at most, where the system tells.
    growth: Option<u64>,
    /// The archive, in bytes.
    size: u64,
    /// The level of deflate.
    level: u32,
}

/// Measures every way in turn, several times, and prints medians and ratios.
pub fn run(bench: &Bench<'_>) -> Result<()> {
    let [data, root] = ["results", "s3"].map(|name| bench.directory.join(name));
    for directory in [&data, &root] {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        fs::create_dir(directory)?;
    }
    fs::create_dir(root.join(BUCKET))?;
    output(command(bench.program, &["make"]).arg(&data).arg(BYTES))?;
    let server = Server::start(bench.program, &root)?;
    let mut rounds: Vec<Vec<Measured>> = WAYS.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((way, level), rounds) in WAYS.into_iter().zip(&mut rounds) {
            let key = format!("{way}/archive.zip");
            let mut upload = match way {
                BASELINE => command(bench.python, &["tests/benches/archive.py", BUCKET, &key]),
                way => command(bench.program, &["upload", &format!("s3://{BUCKET}/{way}")]),
            };
            let text = output(server.reached_by(upload.arg(&data).args(level)))?;
            rounds.push(serde_json::from_str(text.trim())?);
            let zip = root.join(BUCKET).join(key);
            process::run(command(bench.program, &["check"]).arg(&zip).arg(&data))?;
            fs::remove_file(zip)?;
        }
    }
    drop(server);
    fs::remove_dir_all(data)?;
    fs::remove_dir_all(root)?;
    print(&rounds);
    Ok(())
}

fn print(rounds: &[Vec<Measured>]) {
    let mut table = Table::new();
    let header = vec!["way", "wall", "CPU", "x Python (wall)", "memory growth", "archive", "deflate level"];
    table.load_style(NOTHING).set_header(header);
    let wall = |rounds: &[Measured]| median(rounds.iter().map(|measured| measured.wall));
    let growth = |rounds: &[Measured]| rounds.iter().filter_map(|measured| measured.growth).max();
    let baseline = rounds.first().map_or(f64::NAN, |python| wall(python));
    for ((way, _), rounds) in WAYS.into_iter().zip(rounds) {
        let Some(last) = rounds.last() else { continue };
        table.add_row(vec![
            way.to_owned(),
            format!("{:.2} s", wall(rounds)),
            format!("{:.2} s", median(rounds.iter().map(|measured| measured.cpu))),
            format!("{:.1}", baseline / wall(rounds)),
            growth(rounds).map_or_else(String::new, mebibytes),
            format!("{:.1} MB", last.size as f64 / 1e6),
            last.level.to_string(),
        ]);
    }
    println!(
        "\nA directory of {BYTES} bytes, zipped and uploaded to an S3 server on this machine, median of {ROUNDS}."
    );
    println!(
        "Half is random bytes in the place of weights (of which deflate saves some 7 %), half is text:\n\n{table}"
    );
    println!(
        "\nAll archives hold the same entries, byte for byte. Python is shutil.make_archive and boto3, and"
    );
    println!("deflates everything; flip-wasm stores what does not shrink by a tenth.");
    let met = rounds
        .iter()
        .skip(1)
        .all(|ours| baseline / wall(ours) >= TIMES && growth(ours).is_none_or(|growth| growth < GROWTH));
    let (growth, met) = (mebibytes(GROWTH), if met { "met" } else { "missed" });
    println!("Target: {TIMES} x Python, memory growth below {growth}: {met}.");
}

/// The server: a process of its own, so that its CPU time counts for neither side.
struct Server {
    process: Child,
    /// The variables that lead to it.
    variables: BTreeMap<String, String>,
}

impl Server {
    fn start(program: &Path, root: &Path) -> Result<Self> {
        let mut serve = command(program, &["serve"]);
        let mut process = serve.arg(root).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("the server's output is not piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let variables = serde_json::from_str(&line).context("the server did not start")?;
        Ok(Self { process, variables })
    }

    /// Leads a program to the server, whatever the user has set for another.
    fn reached_by<'a>(&self, program: &'a mut Command) -> &'a mut Command {
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                program.env_remove(name);
            }
        }
        for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            program.env(name, "/dev/null");
        }
        program.env("NO_PROXY", "*").env("no_proxy", "*").envs(&self.variables)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}
