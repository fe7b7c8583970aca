//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use flip_runtime::{DataKind, Digest, Limits, Meta};

use crate::project::args::{Build, New};
use crate::run::args::Run;
use crate::test::args::Test;

/// Runs federated-learning components in a WebAssembly sandbox: they get what is granted, within limits.
#[derive(Parser)]
#[command(name = "flip-wasm", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub global: Global,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a test case failed
  2  wrong usage
  3  refused by the filter
  4  not permitted
  5  the component failed: a trap, or a limit, which is named
  6  unreadable or invalid input
  7  a service failed
  130  aborted

Example:
  flip-wasm filter percentile-privacy --args '{\"percentile\": 95, \"gamma\": 2}' \\
      --in update.safetensors --out filtered.safetensors";

/// Flags that may stand before or after the verb.
#[derive(Args)]
pub struct Global {
    /// Say nothing but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice: everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How log lines and errors are written to the standard error.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Where compiled components are kept; a directory that only you can write to.
    #[arg(long, global = true, value_name = "DIR", env = "FLIP_WASM_CACHE", hide_env_values = true)]
    pub cache: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
pub enum Verb {
    Filter(Box<Filter>),
    Run(Box<Run>),
    Test(Box<Test>),
    Checkpoint(Box<Checkpoint>),
    Inspect(Inspect),
    Audit(Audit),
    Report(ShowReport),
    Explain(Explain),
    New(New),
    Build(Build),
    Components(Components),
    /// Write a shell's completion script to the standard output.
    #[command(
        after_help = "Example:\n  flip-wasm completions bash > ~/.local/share/bash-completion/completions/flip-wasm"
    )]
    Completions {
        shell: clap_complete::Shell,
    },
}

/// Filter a model update from file to file.
///
/// The update is a safetensors file whose metadata carries `flip.kind` (WEIGHT_DIFF or WEIGHTS) and
/// `flip.meta` (the dxo's meta properties, a JSON object as text). It is read and written by ranges, so
/// its size does not matter; the output appears in one step, or not at all.
#[derive(Args)]
#[command(
    after_help = "Example:\n  flip-wasm filter percentile-privacy --args '{\"percentile\": 95, \"gamma\": 2}' \\
      --meta '{\"NUM_STEPS_CURRENT_ROUND\": 4}' --in update.safetensors --out filtered.safetensors"
)]
pub struct Filter {
    /// A built-in component's name, or the path of any component (a file that ends in .wasm).
    pub component: String,
    /// The component's args, as in a job's configuration.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = object)]
    pub args: String,
    /// The update.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// What may leave the site.
    #[arg(long = "out", value_name = "FILE")]
    pub output: PathBuf,
    /// The kind of the data, in place of the file's flip.kind; without either it is WEIGHT_DIFF.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<DataKind>,
    /// The meta properties, in place of the file's flip.meta.
    #[arg(long, value_name = "JSON", value_parser = meta)]
    pub meta: Option<Meta>,
    /// What the component may do: a policy file, which names it by its class or the stem of its file.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// What the component may use, such as memory=32MiB,call-time=10s, in place of its policy's limits.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = limits)]
    pub limits: Option<Limits>,
    /// Write a report, as JSON or, where the name ends in .html, as a page: what ran, with which rights, what left.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write an audit trail: what ran, what came in and went out. A new file; flip-wasm audit checks it.
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

/// List what an untrusted PyTorch file holds, and convert it to safetensors.
///
/// The file is read in the sandbox, as data: nothing in it is ever run. Its size does not matter. Of a file
/// that NVFLARE wrote, the model's tensors are taken; its other keys go into the metadata.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm checkpoint model.pt --out model.safetensors")]
pub struct Checkpoint {
    /// What torch.save wrote, in either format.
    pub file: PathBuf,
    /// Write the tensors to a safetensors file; it appears in one step, or not at all.
    #[arg(long, value_name = "OUT.safetensors")]
    pub out: Option<PathBuf>,
    /// What the component may use, such as memory=32MiB,call-time=10s, in place of its policy's limits.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = checkpoint_limits)]
    pub limits: Option<CheckpointLimits>,
    /// Write an audit trail: what ran, what it read, what went out. A new file; flip-wasm audit checks it.
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// List as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show what a component asks for and what it can do. Nothing of it runs.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm inspect my-filter.wasm --policy policy.toml")]
pub struct Inspect {
    /// A built-in component's name, or the path of any component (a file that ends in .wasm).
    pub component: String,
    /// Show beside it what is granted: by a policy file, or without one by the policy that a built-in has.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub policy: Option<Option<PathBuf>>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Check that an audit trail is complete and unaltered, and say what stands in it.
///
/// Every line holds the digest of the line before it. Whoever can rewrite the whole file can make a new
/// chain: only the final digest, noted elsewhere when the run ended, shows that.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm audit audit.jsonl --digest 9f86d081...")]
pub struct Audit {
    /// What --audit wrote.
    pub file: PathBuf,
    /// The final digest that was noted elsewhere.
    #[arg(long, value_name = "HEX")]
    pub digest: Option<Digest>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Show what a run did, from a report or an audit trail that was written earlier.
///
/// In words, or with --output as a page: one file that needs no network and no script.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm report report.json -o report.html")]
pub struct ShowReport {
    /// What --report or --audit wrote.
    pub file: PathBuf,
    /// Write it as a page, or as JSON, as the file's name ends.
    #[arg(short, long, value_name = "R.html")]
    pub output: Option<PathBuf>,
}

/// Explain an error: what it means, what usually causes it, and the line to change.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm explain 'my_filter: limit call-time reached: 5m allowed'")]
pub struct Explain {
    /// A kind of failure, an exit code, a limit, or the message as it was shown.
    #[arg(required = true, value_name = "CODE|LIMIT|MESSAGE")]
    pub what: Vec<String>,
}

/// List the built-in components.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm components --json")]
pub struct Components {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// A JSON object, as the text that it is.
fn object(text: &str) -> Result<String, String> {
    meta(text).map(|_| text.to_owned())
}

fn meta(text: &str) -> Result<Meta, String> {
    flip_runtime::safetensors::parse_meta(text).map_err(|error| format!("not a JSON object: {error}"))
}

/// A kind of data that is made of tensors.
fn kind(name: &str) -> Result<DataKind, String> {
    DataKind::from_name(name)
        .filter(|kind| matches!(kind, DataKind::Weights | DataKind::WeightDiff))
        .ok_or_else(|| "a safetensors file holds WEIGHT_DIFF or WEIGHTS".to_owned())
}

pub fn limits(text: &str) -> Result<Limits, String> {
    let mut limits = serde_json::Map::new();
    for part in text.split(',') {
        let (name, value) =
            part.split_once('=').ok_or_else(|| format!("{part:?} is not of the form NAME=VALUE"))?;
        let value = match value.parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) => value.into(),
        };
        if limits.insert(name.to_owned(), value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    serde_json::from_value(limits.into())
        .map_err(|error| flip_runtime::policy::with_suggestion(&error.to_string()))
}

/// Limits for reading a checkpoint.
#[derive(Clone)]
pub struct CheckpointLimits {
    pub limits: Limits,
    /// Whether they say how much the host may keep, which is no matter of the file's size then.
    pub host_bytes: bool,
}

fn checkpoint_limits(text: &str) -> Result<CheckpointLimits, String> {
    let limits = limits(text)?;
    let mut names = text.split(',').filter_map(|part| part.split_once('='));
    Ok(CheckpointLimits { limits, host_bytes: names.any(|(name, _)| name == "host-bytes") })
}
