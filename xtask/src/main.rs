//! Set-up, demo, tests, generated pages, fuzzing and benchmarks of this workspace: `cargo xtask`.

mod bench;
mod demo;
mod docs;
mod fuzz;
mod process;
mod python;
mod setup;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  demo   Run a whole recorded job in the sandbox, and compare with the reference
  test   Run every check: format, lints, tests, licences, the Python package. With --with-reference: compare
         the Python classes with FLIP's own package instead (Python 3.12; several gigabytes from PyPI)
  docs   Write anew what is generated: docs/attacks.md
  fuzz   Feed the readers of untrusted input with what libFuzzer makes up: fuzz [TARGET] [--seconds N]
  bench  Measure against Python and native code (release build; NumPy and boto3 come into a private venv)

Each sets up what a fresh machine lacks.";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let result = match args.next().as_deref() {
        Some("demo") => demo::run(),
        Some("test") => match args.next().as_deref() {
            None => test::run(),
            Some("--with-reference") => python::compare_with_reference(),
            Some(other) => Err(anyhow::anyhow!("unknown argument {other}; see cargo xtask help")),
        },
        Some("docs") => docs::run(),
        Some("fuzz") => fuzz::run(args),
        Some("bench") => bench::run(),
        Some("help" | "-h" | "--help") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
