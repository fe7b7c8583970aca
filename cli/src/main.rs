//! The program `flip-wasm`: arguments in, calls of the runtime, a report out.

mod args;
mod audit;
mod checkpoint;
mod components;
mod error;
mod explain;
mod filter;
mod inspect;
mod lines;
mod logging;
#[cfg(test)]
mod pages;
mod progress;
mod project;
mod report;
mod run;
mod sandbox;
mod test;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{Arg, Command, CommandFactory, FromArgMatches};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use args::{Cli, Verb};

fn main() -> ExitCode {
    // Before anything else: it is started for each component that is new.
    flip_runtime::compile_worker_if_asked();
    open_as_many_files_as_allowed();
    let cli = Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    logging::init(&cli.global);
    let result = match &cli.verb {
        Verb::Filter(filter) => filter::run(filter, &cli.global).map(|()| ExitCode::SUCCESS),
        Verb::Run(args) => run::run(args, &cli.global),
        Verb::Test(args) => test::run(args, &cli.global),
        Verb::Checkpoint(args) => checkpoint::run(args, &cli.global).map(|()| ExitCode::SUCCESS),
        Verb::Inspect(inspect) => inspect::run(inspect).map(|()| ExitCode::SUCCESS),
        Verb::Audit(args) => audit::run(args).map(|()| ExitCode::SUCCESS),
        Verb::Explain(args) => explain::run(args).map(|()| ExitCode::SUCCESS),
        Verb::Report(args) => report::run(args).map(|()| ExitCode::SUCCESS),
        Verb::New(args) => project::create(args, &cli.global).map(|()| ExitCode::SUCCESS),
        Verb::Build(args) => project::build(args, &cli.global).map(|()| ExitCode::SUCCESS),
        Verb::Components(components) => components::run(components).map(|()| ExitCode::SUCCESS),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "flip-wasm", &mut script);
            print(&script).map(|()| ExitCode::SUCCESS)
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => error::report(&error, cli.global.log_format),
    }
}

/// Components of one job may keep half of them open together. Most systems let programs begin with a thousand, and have
/// more where they ask.
fn open_as_many_files_as_allowed() {
    let limit = getrlimit(Resource::Nofile);
    // Where the system has less to give, it stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// What can be said on the command line. A variable that is empty counts as not set: environment files
/// name variables that they leave open.
fn command() -> Command {
    let as_set = |arg: Arg| match arg.get_env().and_then(std::env::var_os) {
        Some(value) if value.is_empty() => arg.env(Resettable::Reset),
        _ => arg,
    };
    Cli::command().mut_args(as_set).mut_subcommand("run", |run| run.mut_args(as_set))
}

/// Writes to the standard output; a reader that has gone away has seen enough.
fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
