//! The filter through NVFLARE's class, in one process with NVFLARE's own.

use anyhow::Result;

use crate::process::{command, root, run};
use crate::python;

/// Builds the wheel, and runs the benchmark in the venv of its tests.
pub fn run_bench() -> Result<()> {
    println!("Through NVFLARE's DXOFilter, in Python:");
    let python = python::installed()?;
    run(command(python, &["python/benches/nvflare_filter.py"]).current_dir(root()))
}
