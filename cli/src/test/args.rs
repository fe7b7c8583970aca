//! What can be said of `flip-wasm test` on the command line.

use std::path::PathBuf;

use clap::Args;
use flip_runtime::Limits;
use indexmap::IndexMap;
use serde_json::Value;

use crate::args::limits;

/// What has no meaning where a case file is cut out of a trace.
const CASES: [&str; 8] = ["component", "cases", "only", "bless", "report", "junit", "watch", "conformance"];

/// Run a component alone, case by case.
///
/// A case file says what the component is given, what it may ask of the host and how the host answers, and what
/// must come of it. Whatever the component does beyond that fails the case. It runs in the same sandbox as at a
/// site, with folders, an object store and a hub of its own.
#[derive(Args)]
#[command(after_help = "\
Exit code 1: a case failed.

Example:
  flip-wasm test my-filter.wasm cases.yaml --only clips --bless
  flip-wasm test my-filter.wasm --conformance --args '{\"limit\": 2}'
  flip-wasm test --from-trace trace.jsonl --component percentile_privacy")]
pub struct Test {
    /// A built-in component's name, the path of any component (a file that ends in .wasm), or the folder of a
    /// project with one; this folder by default.
    pub component: Option<String>,
    /// Case files; cases.yaml beside the component where none is named.
    pub cases: Vec<PathBuf>,
    /// What is granted where a case does not say, by a policy file. Without it a built-in component has what its own
    /// policy says, and any other nothing.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Run the cases whose name has this text in it.
    #[arg(long, value_name = "TEXT")]
    pub only: Vec<String>,
    /// Write into the case files what the component did. Comments are lost, but for those that a file begins with.
    #[arg(long, conflicts_with_all = ["watch", "junit"])]
    pub bless: bool,
    /// Write a report, as JSON or, where the name ends in .html, as a page.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Run again whenever the component or a case file changes.
    #[arg(long)]
    pub watch: bool,
    /// Try what holds for every component of its roles, with generated data; and the case files that are named.
    #[arg(long, conflicts_with = "bless")]
    pub conformance: bool,
    /// The args that the component works with, for --conformance.
    #[arg(long, value_name = "JSON", requires = "conformance", value_parser = args_object)]
    pub args: Option<IndexMap<String, Value>>,
    /// Leave out a check of --conformance, which this component is not meant to pass.
    #[arg(long, value_name = "CHECK", requires = "conformance")]
    pub skip: Vec<String>,
    /// Cut one component's part out of a recorded job: write a case file of the calls that it got there, and of
    /// what it does now.
    #[arg(long, value_name = "TRACE", requires = "component_id", conflicts_with_all = CASES)]
    pub from_trace: Option<PathBuf>,
    /// The component's id in the job, for --from-trace.
    #[arg(id = "component_id", long = "component", value_name = "ID", requires = "from_trace")]
    pub component_id: Option<String>,
    /// The case file to write, for --from-trace; ID.yaml in this folder by default. What is there stays as it is.
    #[arg(long, value_name = "FILE", requires = "from_trace")]
    pub out: Option<PathBuf>,
    /// The job's folder, for --from-trace; job beside the trace by default.
    #[arg(long, value_name = "DIR", requires = "from_trace")]
    pub job: Option<PathBuf>,
    /// The site of a client's component, for --from-trace; the trace's first by default.
    #[arg(long, value_name = "SITE", requires = "from_trace")]
    pub at: Option<String>,
    /// How many cases run at the same time; as many as there are processors by default.
    #[arg(long, value_name = "NUMBER")]
    pub jobs: Option<usize>,
    /// What components may use where a case does not say, such as memory=32MiB,call-time=10s.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = limits)]
    pub limits: Option<Limits>,
}

fn args_object(text: &str) -> Result<IndexMap<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}
