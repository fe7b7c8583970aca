//! A hub and an object store that the program is told of, and that fail as they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use flip_wasm_tests::servers::hub::{HubServer, KEY};
use flip_wasm_tests::servers::s3::{S3, env};
use flip_wasm_tests::servers::{Fault, Seen};

use super::Site;
use super::jobs::{Job, RUN, Ran};

pub struct Services {
    pub hub: HubServer,
    pub s3: S3,
}

impl Services {
    pub fn new() -> Self {
        Self { hub: HubServer::new(), s3: S3::new() }
    }

    /// From now on both fail as `plan` says.
    pub fn fail(&self, plan: impl Fn(&Seen) -> Option<Fault> + Clone + Send + Sync + 'static) {
        self.hub.server.fail(plan.clone());
        self.s3.server.fail(plan);
    }

    /// Of all the requests from now on, to either of them, the one of this number fails; how many there were.
    pub fn fail_at(&self, number: usize, fault: Fault) -> Arc<AtomicUsize> {
        let requests = Arc::<AtomicUsize>::default();
        let count = requests.clone();
        self.fail(move |_| (count.fetch_add(1, Ordering::SeqCst) == number).then_some(fault));
        requests
    }

    /// The objects that the server keeps, and nothing half done: no parts, no uploads in progress, no files in the
    /// making.
    #[track_caller]
    pub fn objects(&self) -> Vec<String> {
        // What it writes down of an object lies beside it, under a name of its own.
        let whole = |name: &String| name.starts_with("bucket/results/net/") || name.contains(".object-");
        // A request whose connection is cut ends on the server some time later.
        for _ in 0..500 {
            if self.s3.files().iter().all(whole) {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let mut files = self.s3.files();
        assert!(files.iter().all(whole), "{files:?}");
        files.retain(|name| !name.contains(".object-"));
        files
    }

    /// The arguments that name them.
    pub fn args(&self) -> [String; 4] {
        let hub = format!("{}/api", self.hub.server.address);
        ["--hub".to_owned(), hub, "--store".to_owned(), "s3://bucket/results/net".to_owned()]
    }

    /// The variables that they need.
    pub fn variables(&self) -> Vec<(String, String)> {
        let key = ("INTERNAL_SERVICE_KEY".to_owned(), KEY.to_owned());
        env(&self.s3.server.address).into_iter().chain([key]).collect()
    }

    /// Runs the job at them.
    pub fn run(&self, job: &Job, more: &[&str]) -> Ran {
        job.write_down();
        self.output(&job.site, &[&RUN[..], more].concat())
    }

    /// The program with these arguments, and those that name them.
    pub fn output(&self, site: &Site, args: &[&str]) -> Ran {
        let (mine, variables) = (self.args(), self.variables());
        let args: Vec<_> = args.iter().copied().chain(mine.iter().map(String::as_str)).collect();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Ran::of(site.output_with(&args, &variables))
    }
}
