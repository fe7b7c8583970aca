//! Set-up, demo, tests and benchmarks of this workspace: `cargo xtask`.

mod bench;
mod demo;
mod process;
mod setup;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  demo   Run a whole recorded job in the sandbox, and compare with the reference
  test   Run every check: format, lints, tests, licences
  bench  Measure against Python and native code (release build; NumPy and boto3 come into a private venv)

Each sets up what a fresh machine lacks.";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let result = match command.as_deref() {
        Some("demo") => demo::run(),
        Some("test") => test::run(),
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
