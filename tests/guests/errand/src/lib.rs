//! A component that runs errands: its args say which host calls it makes on which event or task, and it
//! writes the outcome of each to its log.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::panic, reason = "one of the errands")]

mod errand;
mod outcome;

use std::collections::BTreeMap;

use flip_sdk::{
    Configurable, Error, EventHandler, Executor, FlContext, Reply, ResultsGenerator, ReturnCode, Shareable,
};

use errand::{Errand, Kept};

/// What it does, and when.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Args {
    /// What to do on an event or a task.
    on: BTreeMap<String, Vec<Errand>>,
    /// The events to ask for; those of `on` by default.
    interests: Option<Vec<String>>,
    /// What the results generator says.
    #[serde(default)]
    all_tasks_failed: bool,
}

struct Errands {
    args: Args,
    kept: Kept,
}

impl Errands {
    fn run(&mut self, event_or_task: &str, ctx: &FlContext) -> Result<(), Error> {
        let mut errands = self.args.on.get(event_or_task).into_iter().flatten();
        errands.try_for_each(|errand| errand.run(&mut self.kept, ctx))
    }
}

impl Configurable for Errands {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self { args, kept: Kept::default() })
    }
}

impl Executor for Errands {
    fn execute(&mut self, task: &str, _: &Shareable, ctx: &FlContext) -> Result<Reply, Error> {
        self.run(task, ctx)?;
        Ok(Reply { code: ReturnCode::Ok, headers: Vec::new(), dxo: None })
    }
}

impl EventHandler for Errands {
    fn interests(&self) -> Vec<String> {
        self.args.interests.clone().unwrap_or_else(|| self.args.on.keys().cloned().collect())
    }

    fn handle_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        self.run(event_type, ctx)
    }
}

impl ResultsGenerator for Errands {
    fn handle_evaluation_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        self.run(event_type, ctx)
    }

    fn all_tasks_failed(&self) -> bool {
        self.args.all_tasks_failed
    }
}

flip_sdk::export!(Errands: executor, event_handler, results_generator);
