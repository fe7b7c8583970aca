//! FLIP's standard job, as it was recorded, in a directory of its own.
#![allow(missing_docs, clippy::new_without_default, reason = "the names say it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flip_runtime::Error;
use flip_runtime::job::{Job, JobConfig, JobOptions, JobReport, Trace};
use flip_runtime::services::{Hub, ObjectStore, RecordedHub};
use tempfile::TempDir;

use crate::servers::hub::HubServer;
use crate::servers::s3::{S3, env, open};
use crate::{fixture, runtime};

pub const MODEL_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
pub const CLIENT: &str = "job/config_fed_client.json";
pub const SERVER: &str = "job/config_fed_server.json";
pub const TRACE: &str = "trace.jsonl";
pub const JOB_FOLDER: &str = "workspace/server/simulate_job";
pub const RESULTS: &str = "workspace/server/simulate_job/cross_site_val/cross_val_results.json";
/// The updates in the order in which they left, with their numbers in the trace.
pub const UPDATES: [&str; 4] = ["site-2_round-0", "site-1_round-0", "site-2_round-1", "site-1_round-1"];

/// A copy of the recorded job, which tests change and run.
pub struct StandardJob {
    directory: TempDir,
}

impl StandardJob {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&fixture("standard-job"), directory.path());
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    /// Replaces a text wherever it stands in a file; it must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{name} holds no {from}");
        self.write(name, text.replace(from, to));
    }

    /// The files below a directory with their contents; none where it is not there.
    pub fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.path(name), "", &mut found);
        found
    }

    /// Runs as in production, with these services.
    pub fn options(&self, store: Arc<dyn ObjectStore>, hub: Arc<dyn Hub>) -> JobOptions {
        JobOptions::new(self.path("workspace"), store, hub)
    }

    /// Configures the job; nothing runs yet.
    pub fn set_up(&self, options: JobOptions) -> Result<(Job, Trace), Error> {
        let config = JobConfig::read(&self.path("job"))?;
        let trace = Trace::open(&self.path(TRACE))?;
        Ok((Job::new(&runtime(), &config, &trace, options)?, trace))
    }

    pub fn try_run(&self, options: JobOptions) -> Result<JobReport, Error> {
        let (job, trace) = self.set_up(options)?;
        job.replay(trace)
    }

    pub fn run(&self, options: JobOptions) -> JobReport {
        self.try_run(options).unwrap()
    }

    /// Runs without servers: a store in memory, a hub that only records.
    pub fn run_alone(&self, change: impl FnOnce(&mut JobOptions)) -> Result<JobReport, Error> {
        let mut options = self.options(memory(), Arc::<RecordedHub>::default());
        change(&mut options);
        self.try_run(options)
    }
}

/// A store in memory.
pub fn memory() -> Arc<dyn ObjectStore> {
    let handle = runtime().tokio().clone();
    Arc::new(flip_runtime::services::Store::open("memory:///", [], Default::default(), handle).unwrap())
}

/// The servers of a run.
pub struct Servers {
    pub s3: S3,
    pub hub: HubServer,
}

impl Servers {
    pub fn new() -> Self {
        Self { s3: S3::new(), hub: HubServer::new() }
    }

    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.store_at(&self.s3.server.address)
    }

    pub fn store_at(&self, endpoint: &str) -> Arc<dyn ObjectStore> {
        Arc::new(open("s3://bucket/results/net", env(endpoint), &self.s3.runtime).unwrap())
    }

    pub fn options(&self, job: &StandardJob) -> JobOptions {
        job.options(self.store(), Arc::new(self.hub.hub()))
    }

    /// The statuses that reached the hub.
    pub fn statuses(&self) -> Vec<String> {
        let log = self.hub.log.lock().unwrap();
        let of_model = format!("{MODEL_ID} status");
        log.iter()
            .map(|(what, status)| {
                assert_eq!(*what, of_model);
                status.as_str().unwrap().to_owned()
            })
            .collect()
    }
}

/// The statuses in a report.
pub fn statuses(report: &JobReport) -> Vec<&'static str> {
    report.statuses.iter().map(|reported| reported.status).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn collect(path: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let below = entry.file_name().into_string().unwrap();
        let below = if name.is_empty() { below } else { format!("{name}/{below}") };
        match entry.file_type().unwrap().is_dir() {
            true => collect(&entry.path(), &below, found),
            false => drop(found.insert(below, fs::read(entry.path()).unwrap())),
        }
    }
}
