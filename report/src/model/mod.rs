//! The data of a report, as it stands in the JSON file. Sizes are bytes, times seconds, shares from 0 to 1. What
//! may be unknown is an [`Option`] or may be absent, so that reports of other versions can be read.

mod change;
mod component;
mod outgoing;
mod storage;
mod timeline;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use change::{Became, Change, Distribution, Histogram, Pair, TensorChange};
pub use component::{Component, Granted, Limit, Request, Unit, Usage};
pub use outgoing::{Applied, Data, Leaf, LeftFile, Outcome, Outgoing, Task, Work};
pub use storage::{Besides, Deleted, Entry, Stored, Tree};
pub use timeline::{Kind, Moment};

/// The version of the format that this crate reads and writes.
pub const FORMAT: u64 = 1;

/// What a run did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The version of the format: [`FORMAT`].
    pub report: u64,
    /// The version of flip-wasm that wrote it.
    pub version: String,
    /// What ran.
    pub ran: Ran,
    /// The id of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Whether it was a developer's machine, where nothing is deleted, uploaded or reported.
    #[serde(default)]
    pub local_dev: bool,
    /// Whether it was aborted.
    #[serde(default)]
    pub aborted: bool,
    /// What kind of failure it ended with, such as `refused` or `component-failed`; none where it went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it started, in UTC as RFC 3339 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The statuses that were reported to the hub, in order.
    #[serde(default)]
    pub statuses: Vec<Status>,
    /// What else was sent to the hub.
    #[serde(default)]
    pub sent: Sent,
    /// The server, then the sites. Of anything but a job: one place, called `local`.
    #[serde(default)]
    pub places: Vec<Place>,
    /// The tasks that were carried out.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// What was on its way out of a place. Of `filter`: its one update.
    #[serde(default)]
    pub results: Vec<Outgoing>,
    /// The test cases, of `test`.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// What happened when, in order.
    #[serde(default)]
    pub timeline: Vec<Moment>,
    /// How many moments are not in `timeline`.
    #[serde(default)]
    pub timeline_left_out: u64,
    /// The same by their kind, where it is known.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub left_out_by_kind: IndexMap<Kind, u64>,
}

impl Report {
    /// A report of nothing yet.
    pub fn new(version: impl Into<String>, ran: Ran) -> Self {
        Self {
            report: FORMAT,
            version: version.into(),
            ran,
            job_id: None,
            local_dev: false,
            aborted: false,
            failure: None,
            started: None,
            seconds: None,
            statuses: Vec::new(),
            sent: Sent::default(),
            places: Vec::new(),
            tasks: Vec::new(),
            results: Vec::new(),
            cases: Vec::new(),
            timeline: Vec::new(),
            timeline_left_out: 0,
            left_out_by_kind: IndexMap::new(),
        }
    }

    /// Counts moments that are not in the timeline.
    pub fn leave_out(&mut self, kind: Kind, moments: u64) {
        if moments > 0 {
            let of_kind = self.left_out_by_kind.entry(kind).or_default();
            *of_kind = of_kind.saturating_add(moments);
            self.timeline_left_out = self.timeline_left_out.saturating_add(moments);
        }
    }

    /// Every component, with its place.
    pub fn components(&self) -> impl Iterator<Item = (&Place, &Component)> {
        self.places.iter().flat_map(|place| place.components.iter().map(move |component| (place, component)))
    }
}

/// What ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ran {
    /// A job.
    Job,
    /// One filter on one update.
    Filter,
    /// The cases of components.
    Test,
    /// A checkpoint that is listed, and converted.
    Checkpoint,
    /// Components that a program calls as it goes.
    Program,
}

/// A status that was reported to the hub.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Status {
    /// The model.
    pub model_id: String,
    /// FLIP's name of the status.
    pub status: String,
    /// Why the hub did not get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was sent to the hub and is no status: how many requests got there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Sent {
    /// Metrics.
    pub metrics: u64,
    /// Texts of exceptions.
    pub exceptions: u64,
    /// Requests of both kinds that did not get there.
    pub lost: u64,
}

/// What happened at the server or a site.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Place {
    /// `server`, the name of the site, or `local`.
    pub name: String,
    /// How many events were fired there.
    pub events: u64,
    /// A system panic, which ended the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fatal: Option<Fatal>,
    /// What ran in the sandbox.
    pub components: Vec<Component>,
    /// Parts of the configuration that were left to the FL engine.
    pub engine: Vec<Part>,
}

/// A system panic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Fatal {
    /// The id of the component that asked for it.
    pub component: String,
    /// Why.
    pub reason: String,
}

/// A part of the configuration that did not run in the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Part {
    /// Its id in the configuration.
    pub id: String,
    /// Its class path or name.
    pub class: String,
}

/// Something that failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Failure {
    /// The event, the task, the filter, or what else was asked for.
    pub what: String,
    /// What kind of failure it is, such as `refused` or `not-permitted`.
    pub code: String,
    /// What happened.
    pub error: String,
}

/// A case of a component's test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Case {
    /// The component's name.
    pub component: String,
    /// The file that the case stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its name.
    pub case: String,
    /// Whether it did what was expected.
    pub passed: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Where it did something else.
    pub differences: Vec<String>,
}
