//! The component: the tasks, bound to the contract.

use flip_sdk::cleanup::{self, Tally};
use flip_sdk::storage::{self, Directory, Root};
use flip_sdk::{Configurable, Error, Executor, FlContext, Reply, Shareable, log};

use crate::{Answer, Host};

struct Sandbox<'a>(&'a FlContext);

impl Host for Sandbox<'_> {
    type Directory = Directory;

    fn local_dev(&self) -> bool {
        self.0.local_dev()
    }

    fn job_id(&self) -> String {
        self.0.job_id()
    }

    fn open(&self, root: Root) -> Result<Directory, Error> {
        storage::open(root)
    }

    fn remove(&self, directory: &Directory, path: &str) -> Result<Tally, Error> {
        cleanup::remove(directory, path)
    }

    fn clear(&self, directory: &Directory) -> Result<Tally, Error> {
        cleanup::clear(directory)
    }

    fn info(&self, line: &str) {
        log::info(line);
    }

    fn error(&self, line: &str) {
        log::error(line);
    }

    fn gauge(&self, name: &str, value: f64) {
        log::gauge(name, value);
    }
}

// ANCHOR: component
struct CleanupImages;

/// None.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {}

impl Configurable for CleanupImages {
    type Args = Args;

    fn configure(Args {}: Args) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Executor for CleanupImages {
    fn execute(&mut self, task: &str, _: &Shareable, ctx: &FlContext) -> Result<Reply, Error> {
        let Answer { code, exception } = crate::execute(&Sandbox(ctx), task);
        let headers = exception
            .map(|text| ("exception".to_owned(), serde_json::Value::from(text).to_string()))
            .into_iter()
            .collect();
        Ok(Reply { code, headers, dxo: None })
    }
}

flip_sdk::export!(CleanupImages: executor);
// ANCHOR_END: component
