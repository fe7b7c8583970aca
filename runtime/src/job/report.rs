//! What a job did.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flip_report::Kind;
use indexmap::IndexMap;

use super::watch::ReportedStatus;
use crate::error::Code;
use crate::exchange::ReturnCode;
use crate::filter::Leaf;
use crate::inspect::Inspection;
use crate::policy::Grants;
use crate::usage::Usage;

/// What a job did; [`JobReport::report`] makes a report of it that people can look at.
#[derive(Clone, Debug)]
pub struct JobReport {
    /// The id of the job.
    pub job_id: String,
    /// Whether it ran as on a developer's machine.
    pub local_dev: bool,
    /// Whether it was aborted.
    pub aborted: bool,
    /// The statuses that were reported to the hub, in order.
    pub statuses: Vec<ReportedStatus>,
    /// The server, then the sites.
    pub places: Vec<PlaceReport>,
    /// The tasks that were carried out.
    pub tasks: Vec<TaskReport>,
    /// The results that were on their way out.
    pub results: Vec<ResultReport>,
    /// What was done when, in order: the first ten thousand.
    pub happened: Vec<Happened>,
    /// How much more was done.
    pub happened_besides: u64,
}

/// Something that was done in a job.
#[derive(Clone, Debug)]
pub struct Happened {
    /// When it began.
    pub time: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// `server`, or the name of the site.
    pub place: String,
    /// An event, a task, or a filter.
    pub kind: Kind,
    /// The type of the event, or the task's name.
    pub what: String,
}

/// What happened at the server or a site.
#[derive(Clone, Debug)]
pub struct PlaceReport {
    /// Its name.
    pub name: String,
    /// The events that were fired there.
    pub events: u64,
    /// The component and the reason of a system panic.
    pub fatal: Option<(String, String)>,
    /// What ran in the sandbox.
    pub components: Vec<ComponentReport>,
    /// What was left alone.
    pub engine: Vec<EngineReport>,
}

/// What one component did.
#[derive(Clone, Debug)]
pub struct ComponentReport {
    /// Its id in the configuration.
    pub id: String,
    /// Its class, or the stem of its file.
    pub name: String,
    /// What its file is, and asks for.
    pub inspection: Inspection,
    /// What is granted to it.
    pub grants: Arc<Grants>,
    /// What it used.
    pub usage: Usage,
    /// How it failed.
    pub failures: Vec<Failure>,
}

/// A part of the configuration that is not run here.
#[derive(Clone, Debug)]
pub struct EngineReport {
    /// Its id in the configuration.
    pub id: String,
    /// Its class path or name.
    pub class: String,
}

/// A call that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The event, the task, or what else was asked for.
    pub what: String,
    /// What kind of failure it is.
    pub code: Code,
    /// What happened.
    pub error: String,
}

/// A task that an executor carried out.
#[derive(Clone, Debug)]
pub struct TaskReport {
    /// Its number in the trace.
    pub seq: u64,
    /// The site.
    pub at: String,
    /// Its name.
    pub task: String,
    /// The id of the executor.
    pub executor: String,
    /// NVFLARE's return code.
    pub return_code: &'static str,
    /// What the executor said of its failure.
    pub exception: Option<String>,
}

/// A result that was on its way out.
#[derive(Clone, Debug)]
pub struct ResultReport {
    /// Its number in the trace.
    pub seq: u64,
    /// The site.
    pub at: String,
    /// The task.
    pub task: String,
    /// The return code with which it left.
    pub return_code: &'static str,
    /// What each filter did, by the filter's id.
    pub filters: IndexMap<String, Vec<Leaf>>,
    /// Why it did not leave.
    pub refused: Option<Failure>,
    /// Where what left was written.
    pub files: Vec<std::path::PathBuf>,
}

impl JobReport {
    /// What kind of failure the run ends with, if any: data that was held back comes first, then a
    /// component that failed.
    pub fn code(&self) -> Option<Code> {
        let refused = self.results.iter().any(|result| result.refused.is_some());
        let kept_out = ReturnCode::TaskDataFilterError.name();
        let refused = refused || self.tasks.iter().any(|task| task.return_code == kept_out);
        let failures = self.places.iter().flat_map(|place| &place.components);
        let failed = failures.flat_map(|component| &component.failures).next();
        let fatal = self.places.iter().any(|place| place.fatal.is_some());
        let task = self.tasks.iter().any(|task| task.exception.is_some());
        let unreported = self.statuses.iter().any(|status| status.error.is_some());
        refused
            .then_some(Code::Refused)
            .or(failed.map(|failure| failure.code))
            .or((fatal || task).then_some(Code::ComponentFailed))
            .or(unreported.then_some(Code::ServiceFailed))
    }
}
