//! Set-up, demo, tests, generated pages, files to hand out, fuzzing and benchmarks of this workspace: `cargo xtask`.

mod bench;
mod browser;
mod demo;
mod dist;
mod docs;
mod fuzz;
mod languages;
mod node;
mod process;
mod python;
mod setup;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  demo   Run a whole recorded job in the sandbox, and compare with the reference
  test   Run every check: format, lints, tests, licences, components in every language, the Python package, Node,
         the pages of reports in Chromium.
         With --languages: those components only, with the cases of every role. With --hostile: every attack, the
         slow ones too, twenty times in one process (half an hour of a machine that does nothing else). With
         --with-reference: compare the Python classes with FLIP's own package instead (Python 3.12; several
         gigabytes from PyPI)
  docs   Write anew what is generated, docs/src/attacks.md and the pictures of reports (Chromium), and make the book:
         target/book
  dist   Write the built-in components as files, with sums and WIT, into target/dist or --out DIR; with --oci DIR
         as an OCI image layout, too. The folders must not be there yet, but for target/dist
  fuzz   Feed the readers of untrusted input with what libFuzzer makes up: fuzz [TARGET] [--seconds N]
  bench  Measure against Python and native code, and write docs/src/performance: bench [NAME...] [--quick]
         (release build; Python's packages come into private venvs). The names: filter, files, nvflare, startup, density,
         neighbours, events, archive, loops. What was measured earlier stays on the page; a quick run only prints. loops
         counts instructions, too, and fails where they have grown; BLESS=1 takes them as they are

Each sets up what a fresh machine lacks.";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let result = match args.next().as_deref() {
        Some("demo") => demo::run(),
        Some("test") => match args.next().as_deref() {
            None => test::run(),
            Some("--languages") => languages::test(true),
            Some("--hostile") => test::hostile(),
            Some("--with-reference") => python::compare_with_reference(),
            Some(other) => Err(anyhow::anyhow!("unknown argument {other}; see cargo xtask help")),
        },
        Some("docs") => docs::run(),
        Some("dist") => dist::run(args),
        Some("fuzz") => fuzz::run(args),
        Some("bench") => bench::run(args),
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
