//! A directory's archive on its way to S3, beside Python's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Bench;
use super::figures::{Figures, Plot, Table, Target, bytes, millions, ratio, time};
use super::measure::{Measured, in_turn};
use crate::process::{self, command, output};

/// The data in bytes, and how often each way is measured.
const SIZES: [(u64, usize); 3] = [(20_000_000, 3), (100_000_000, 3), (500_000_000, 3)];
const QUICK: [(u64, usize); 2] = [(5_000_000, 3), (20_000_000, 3)];
/// What is aimed at with so much data: so many times as fast as Python, with less growth of memory than this.
const LARGE: u64 = 500_000_000;
const TIMES: f64 = 4.0;
const GROWTH: u64 = 64 << 20;
/// The way that the others are compared with; its level of deflate is 6.
const BASELINE: &str = "Python";
/// Each way, and its level of deflate where that is not the usual one.
const WAYS: [(&str, Option<&str>); 3] = [(BASELINE, None), ("flip-wasm", None), ("flip-wasm", Some("6"))];
const BUCKET: &str = "bucket";

/// The archive, as the measured programs tell of it beside what it took.
#[derive(Clone, Copy, Deserialize)]
struct Archive {
    /// In bytes.
    size: u64,
    /// The level of deflate.
    level: u32,
}

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let [data, root] = ["results", "s3"].map(|name| bench.directory.join(name));
    let names = WAYS
        .map(|(way, level)| level.map_or(way.to_owned(), |level| format!("{way}, deflate level {level}")));
    let mut plot =
        Plot::new("archive", "Archive and upload by size", "data, MB", "wall time, s", names.clone());
    let header = [
        "way",
        "CPU",
        "wall",
        "x Python (CPU)",
        "x Python (wall)",
        "growth of memory",
        "archive",
        "deflate level",
    ];
    let (mut tables, mut targets) = (Vec::new(), Vec::new());
    for &(size, rounds) in bench.sizes(&SIZES, &QUICK) {
        fresh(&[&data, &root])?;
        fs::create_dir(root.join(BUCKET))?;
        output(command(bench.program("archive")?, &["make"]).arg(&data).arg(size.to_string()))?;
        let server = Server::start(bench.program("archive")?, &root)?;
        let archives = RefCell::new(BTreeMap::new());
        let measured = in_turn(&WAYS, rounds, |&(way, level)| {
            let (archive, measured) = upload(bench, &server, (way, level), &data, &root)?;
            archives.borrow_mut().insert((way, level), archive);
            Ok(measured)
        })?;
        drop(server);
        let [python, ours @ ..] = &measured[..] else { continue };
        let mut table = Table::new(format!("{} bytes", millions(size)), &header);
        for (way, measured) in WAYS.into_iter().zip(&measured) {
            let archive = archives.borrow().get(&way).copied();
            let archive = archive.context("a way that left no archive")?;
            table.rows.push(vec![
                way.0.to_owned(),
                time(measured.cpu),
                time(measured.wall),
                ratio(python.cpu / measured.cpu),
                ratio(python.wall / measured.wall),
                measured.memory.map_or_else(String::new, bytes),
                format!("{:.1} MB", archive.size as f64 / 1e6),
                archive.level.to_string(),
            ]);
        }
        tables.push(table);
        plot.add(size as f64 / 1e6, measured.iter().map(|way| Some(way.wall)));
        if size != LARGE {
            continue;
        }
        let target = |(ours, name): (&Measured, &String)| {
            let times = python.wall / ours.wall;
            let aim = format!(
                "{} MB, {name}: {TIMES} x Python, and memory grows by less than {}",
                size / 1_000_000,
                bytes(GROWTH)
            );
            let growth = ours.memory.map_or_else(String::new, |growth| format!(", {}", bytes(growth)));
            let small = ours.memory.is_none_or(|growth| growth < GROWTH);
            Target::new(aim, format!("{} x{growth}", ratio(times)), small && times >= TIMES)
        };
        targets = ours.iter().zip(names.iter().skip(1)).map(target).collect();
    }
    for directory in [data, root] {
        fs::remove_dir_all(directory)?;
    }
    Ok(Figures {
        title: "Archive and upload".to_owned(),
        text: "A directory zipped and uploaded to an S3 server on this machine. Half of it is random bytes in the \
               place of weights (of which deflate saves some 7 %), half is text. Python is `shutil.make_archive` and \
               boto3, and deflates everything; flip-wasm stores what does not shrink by a tenth."
            .to_owned(),
        tables,
        plots: vec![plot],
        result: "All archives hold the same entries, byte for byte.".to_owned(),
        targets,
        measured: String::new(),
    })
}

/// Makes the directories anew.
fn fresh(directories: &[&Path]) -> Result<()> {
    for directory in directories {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        fs::create_dir(directory)?;
    }
    Ok(())
}

/// One way, once; what came of it is checked.
fn upload(
    bench: &Bench<'_>,
    server: &Server,
    (way, level): (&str, Option<&str>),
    data: &Path,
    root: &Path,
) -> Result<(Archive, Measured)> {
    let program = bench.program("archive")?;
    let key = format!("{way}/archive.zip");
    let mut upload = match way {
        BASELINE => command(bench.python, &["tests/benches/archive.py", BUCKET, &key]),
        way => command(program, &["upload", &format!("s3://{BUCKET}/{way}")]),
    };
    let text = output(server.reached_by(upload.arg(data).args(level)))?;
    let zip = root.join(BUCKET).join(key);
    process::run(command(program, &["check"]).arg(&zip).arg(data))?;
    fs::remove_file(zip)?;
    Ok((serde_json::from_str(text.trim())?, serde_json::from_str(text.trim())?))
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
