//! Whole jobs: FLIP's configuration files, the components that they name, the events between these, and
//! recorded traces that drive them.

mod config;
mod dispatch;
mod place;
mod registry;
mod replay;
mod report;
mod slot;
mod standin;
mod trace;
mod watch;

pub use config::{AppConfig, Entry, JobConfig, TaskFilters};
pub use place::{Place, PlaceOptions};
pub use registry::{Kind, class_name};
pub use replay::{Job, JobOptions};
pub use report::{ComponentReport, EngineReport, Failure, JobReport, PlaceReport, ResultReport, TaskReport};
pub use trace::{Header, Record, Trace, TraceError, What};
pub use watch::{ReportedStatus, WatchedHub};
