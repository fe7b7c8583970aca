//! The machine at hand, as far as figures depend on it.

use std::fs;
use std::process::Command;

use crate::process::{command, output};

/// The model of its processor and the number of its cores, nothing else of it; and at which commit this is.
pub fn description() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.trim_start().strip_prefix(':'));
    let model = model.unwrap_or(" a processor that does not give its name").trim();
    let commit =
        output(&mut command("git", &["log", "-1", "--format= at commit %h of %cs"])).unwrap_or_default();
    format!("Measured on {model}, {} cores{}.", cores(), commit.trim_end())
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The memory that ways to work on data need: tenths of the data's size.
pub type Needs = [(&'static str, u64)];

/// Whether the memory is free that this way needs for so much data, as far as the system tells.
pub fn fits(needs: &Needs, way: &str, data: u64) -> bool {
    let tenths = needs.iter().find(|(name, _)| *name == way).map_or(0, |(_, tenths)| *tenths);
    free_memory().is_none_or(|free| data * tenths / 10 < free)
}

/// The memory that is free, in bytes, where the system is Linux.
fn free_memory() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

/// A program on these cores: on one of them, or on all.
pub fn on(cores: usize, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    if cores > 1 {
        return command(program, args);
    }
    let mut pinned = command("taskset", &["--cpu-list", "0"]);
    pinned.arg(program).args(args);
    pinned
}
