//! The tools of each language: they make a component of a project.

mod c;
mod javascript;
mod python;
mod rust;

use std::fs;
use std::io;
use std::process::Command;

use anyhow::{Context, bail};

pub use c::build as c;
pub use javascript::build as javascript;
pub use python::build as python;
pub use rust::build as rust;

/// Runs a tool, which must succeed; what it has to say is told where it does not. `install` says how to get
/// it.
fn run(command: &mut Command, install: &str) -> anyhow::Result<()> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("{tool} is missing; {install}"),
        output => output.with_context(|| tool.clone())?,
    };
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    eprint!("{}", String::from_utf8_lossy(&said));
    bail!("{tool} failed; see above")
}

/// Whether a tool is there and answers.
fn answers(tool: &str, args: &[&str]) -> bool {
    Command::new(tool).args(args).output().is_ok_and(|output| output.status.success())
}

/// What a tool makes, given the path to write it to.
fn made(make: impl FnOnce(&std::path::Path) -> anyhow::Result<()>) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("component.wasm");
    make(&path)?;
    Ok(fs::read(&path)?)
}
