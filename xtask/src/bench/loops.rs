//! The inner loops, natively and in the sandbox: their time, and the instructions that callgrind counts, held against
//! a baseline.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::Bench;
use super::figures::{Figures, Table, time};
use super::machine::on;
use super::measure::{in_turn, told};
use crate::process::{self, command, has, output, root, target};

/// How many percent of instructions more than in the baseline are too many.
const BOUND: f64 = 5.0;
const BASELINE: &str = "components/truncation/benches/loops.json";
/// The function whose instructions are counted, with all that it calls: in the program `loops`, and in `filter`.
const MEASURED: &str = "loops::measured*";
const MEASURED_FILTER: &str = "filter::measured*";
/// The elements that each is given there.
const ELEMENTS: u64 = 1_000_000;
/// What the component takes, with what the host does for it, in the words of the native loops.
const SANDBOXED: &str = "truncate-float32 in the sandbox";
/// How often its time is measured.
const ROUNDS: usize = 9;

/// Numbers of instructions, and what they depend on.
#[derive(Serialize, Deserialize)]
struct Baseline {
    /// The compiler, with its target.
    compiler: String,
    /// The version of what compiles the components. It is told of a processor without AVX-512, whatever is at hand:
    /// valgrind knows none.
    wasmtime: String,
    instructions: BTreeMap<String, u64>,
}

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let program = bench.program("loops")?;
    let mut times = times(program, bench.quick)?;
    let update = bench.update(ELEMENTS)?;
    times.insert(SANDBOXED.to_owned(), sandboxed(bench, &update)?);
    let mut instructions = counted(program)?;
    if !instructions.is_empty() {
        let filter = [OsStr::new("counted"), update.as_os_str()];
        instructions.insert(SANDBOXED.to_owned(), count(bench.program("filter")?, MEASURED_FILTER, &filter)?);
    }
    fs::remove_file(update)?;
    let now = Baseline { compiler: compiler()?, wasmtime: wasmtime()?, instructions };
    let file = root().join(BASELINE);
    if std::env::var_os("BLESS").is_some() && !now.instructions.is_empty() {
        fs::write(&file, serde_json::to_string_pretty(&now)? + "\n")?;
    }
    let baseline: Baseline = serde_json::from_str(&fs::read_to_string(file)?)?;
    let comparable = (&baseline.compiler, &baseline.wasmtime) == (&now.compiler, &now.wasmtime);
    let header = ["loop", "time of an element", "instructions of an element", "beside the baseline"];
    let (mut table, mut worse) = (Table::new("", &header), Vec::new());
    for (name, seconds) in &times {
        let Some(&count) = now.instructions.get(name) else {
            table.rows.push(vec![name.clone(), time(*seconds)]);
            continue;
        };
        let before = baseline.instructions.get(name).copied();
        let percent = before.map(|before| 100.0 * (count as f64 / before as f64 - 1.0));
        if percent.is_none_or(|percent| percent > BOUND) {
            worse.push(format!("{name}: {count} instructions, in the baseline {before:?}"));
        }
        table.rows.push(vec![
            name.clone(),
            time(*seconds),
            format!("{:.2}", count as f64 / ELEMENTS as f64),
            percent.filter(|_| comparable).map_or_else(String::new, |percent| format!("{percent:+.2} %")),
        ]);
    }
    if comparable && !worse.is_empty() {
        let worse = worse.join("\n");
        bail!(
            "more than {BOUND} % beyond {BASELINE}; where that is wanted, BLESS=1 writes it anew:\n{worse}"
        );
    }
    let result = match comparable {
        _ if now.instructions.is_empty() => {
            "Instructions were not counted: valgrind is not installed.".to_owned()
        }
        true => format!("No loop takes {BOUND} % more instructions than in the baseline."),
        false => format!(
            "The baseline is that of other compilers ({}, wasmtime {}) and says nothing about these ({}, wasmtime {}).",
            baseline.compiler, baseline.wasmtime, now.compiler, now.wasmtime
        ),
    };
    Ok(Figures {
        title: "Inner loops".to_owned(),
        text: format!(
            "The selection of a percentile, and the whole truncation, natively on a million elements: times by \
             Criterion, instructions by callgrind. `{SANDBOXED}` is the built-in PercentilePrivacy on as many, in 161 \
             tensors and on one core: a call of the filter, with what the host does for it, as wasmtime {} compiles it \
             for a processor without AVX-512.",
            now.wasmtime
        ),
        tables: vec![table],
        plots: Vec::new(),
        result,
        targets: Vec::new(),
        measured: String::new(),
    })
}

/// The median time of an element in each loop, in seconds.
fn times(program: &Path, quick: bool) -> Result<BTreeMap<String, f64>> {
    #[derive(Deserialize)]
    struct Estimates {
        median: Estimate,
    }
    #[derive(Deserialize)]
    struct Estimate {
        /// In nanoseconds.
        point_estimate: f64,
    }
    let home = target().join("criterion");
    let mut criterion = command(program, &["--bench", "--noplot"]);
    if quick {
        criterion.arg("--quick");
    }
    process::run(criterion.env("CRITERION_HOME", &home))?;
    names(program)?
        .into_iter()
        .map(|name| {
            let file = home.join("loops").join(&name).join("new/estimates.json");
            let text = fs::read(&file).with_context(|| format!("Criterion left no estimates of {name}"))?;
            let estimates: Estimates = serde_json::from_slice(&text)?;
            Ok((name, estimates.median.point_estimate / 1e9 / ELEMENTS as f64))
        })
        .collect()
}

/// The median time of an element in the sandbox, in seconds.
fn sandboxed(bench: &Bench<'_>, update: &Path) -> Result<f64> {
    let measured = in_turn(&["sandboxed"], ROUNDS, |way| {
        told(on(1, bench.program("filter")?, &[*way]).arg(update).arg("1"))
    })?;
    Ok(measured.first().map_or(f64::NAN, |measured| measured.wall / ELEMENTS as f64))
}

/// The instructions of each native loop, as callgrind counts them; none where there is no valgrind.
fn counted(program: &Path) -> Result<BTreeMap<String, u64>> {
    if !has("valgrind", &["--version"]) {
        return Ok(BTreeMap::new());
    }
    let names = names(program)?.into_iter();
    let counted = names.map(|name| {
        let count = count(program, MEASURED, &[OsStr::new("once"), OsStr::new(&name)])?;
        Ok((name, count))
    });
    counted.collect()
}

/// The instructions of a function of this program, and of what it calls.
fn count(program: &Path, measured: &str, args: &[&OsStr]) -> Result<u64> {
    let out = PathBuf::from("/dev/null");
    let mut callgrind = command("valgrind", &["--tool=callgrind", "--collect-atstart=no"]);
    callgrind
        .arg(format!("--toggle-collect={measured}"))
        .arg(format!("--callgrind-out-file={}", out.display()));
    let output = callgrind.arg(program).args(args).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() && count > 0 => Ok(count),
        _ => bail!("callgrind counted nothing of {args:?}: {said}"),
    }
}

fn names(program: &Path) -> Result<Vec<String>> {
    Ok(output(&mut command(program, &["list"]))?.lines().map(str::to_owned).collect())
}

/// What numbers of instructions depend on.
fn compiler() -> Result<String> {
    let version = output(&mut command("rustc", &["--version", "--verbose"]))?;
    let line = |key: &str| version.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim();
    Ok(format!("rustc {} for {}", line("release:"), line("host:")))
}

/// The version of wasmtime that the programs are built with.
fn wasmtime() -> Result<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let package = lock.split("\n\n").find_map(|package| package.split_once("name = \"wasmtime\"\n"));
    let version = package.and_then(|(_, rest)| rest.lines().next()?.split('"').nth(1));
    version.map(str::to_owned).context("Cargo.lock names no wasmtime")
}
