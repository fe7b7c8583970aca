//! The inner loops: their time by Criterion, and the instructions that callgrind counts, held against a baseline.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::Bench;
use super::figures::{Figures, Table, time};
use crate::process::{self, command, has, output, root, target};

/// How many percent of instructions more than in the baseline are too many.
const BOUND: f64 = 5.0;
const BASELINE: &str = "components/truncation/benches/loops.json";
/// The function whose instructions are counted, in the program `loops`.
const MEASURED: &str = "loops::measured*";
/// The elements that each loop is given there.
const ELEMENTS: f64 = 1e6;

/// Numbers of instructions, and what they depend on.
#[derive(Serialize, Deserialize)]
struct Baseline {
    /// The compiler, with its target.
    compiler: String,
    instructions: BTreeMap<String, u64>,
}

pub fn run(bench: &Bench<'_>) -> Result<Figures> {
    let program = bench.program("loops")?;
    let times = times(program, bench.quick)?;
    let now = Baseline { compiler: compiler()?, instructions: counted(program)? };
    let file = root().join(BASELINE);
    if std::env::var_os("BLESS").is_some() && !now.instructions.is_empty() {
        fs::write(&file, serde_json::to_string_pretty(&now)? + "\n")?;
    }
    let baseline: Baseline = serde_json::from_str(&fs::read_to_string(file)?)?;
    let comparable = baseline.compiler == now.compiler;
    let header = ["loop", "time of an element", "instructions of an element", "beside the baseline"];
    let (mut table, mut worse) = (Table::new("", &header), Vec::new());
    for (name, &count) in &now.instructions {
        let before = baseline.instructions.get(name).copied();
        let percent = before.map(|before| 100.0 * (count as f64 / before as f64 - 1.0));
        if percent.is_none_or(|percent| percent > BOUND) {
            worse.push(format!("{name}: {count} instructions, in the baseline {before:?}"));
        }
        table.rows.push(vec![
            name.clone(),
            times.get(name).map_or_else(String::new, |seconds| time(*seconds)),
            format!("{:.2}", count as f64 / ELEMENTS),
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
            "The baseline is that of another compiler ({}) and says nothing about this one ({}).",
            baseline.compiler, now.compiler
        ),
    };
    Ok(Figures {
        title: "Inner loops".to_owned(),
        text: "The selection of a percentile, and the whole truncation, natively on a million elements: times by \
               Criterion, instructions by callgrind."
            .to_owned(),
        tables: vec![table],
        plots: Vec::new(),
        result,
        quick: false,
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
            Ok((name, estimates.median.point_estimate / 1e9 / ELEMENTS))
        })
        .collect()
}

/// The instructions of each loop, as callgrind counts them; none where there is no valgrind.
fn counted(program: &Path) -> Result<BTreeMap<String, u64>> {
    if !has("valgrind", &["--version"]) {
        return Ok(BTreeMap::new());
    }
    names(program)?.into_iter().map(|name| Ok((name.clone(), count(program, &name)?))).collect()
}

fn count(program: &Path, name: &str) -> Result<u64> {
    let out = PathBuf::from("/dev/null");
    let mut callgrind = command("valgrind", &["--tool=callgrind", "--collect-atstart=no"]);
    callgrind
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(format!("--callgrind-out-file={}", out.display()));
    let output = callgrind.arg(program).args(["once", name]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() && count > 0 => Ok(count),
        _ => bail!("callgrind counted nothing of {name}: {said}"),
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
