//! Whole jobs: FLIP's configuration files, the components that they name, the events between these, and
//! recorded traces that drive them.
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use flip_runtime::Runtime;
//! use flip_runtime::job::{Job, JobConfig, JobOptions, Trace};
//! use flip_runtime::services::{RecordedHub, Store, StoreOptions};
//!
//! let runtime = Runtime::new()?;
//! let config = JobConfig::read(Path::new("job"))?;
//! let trace = Trace::open(Path::new("trace.jsonl"))?;
//! let tokio = runtime.tokio().clone();
//! let store = Store::open("s3://bucket/prefix", std::env::vars(), StoreOptions::default(), tokio)?;
//! let options = JobOptions::new("workspace", Arc::new(store), Arc::new(RecordedHub::default()));
//! let report = Job::new(&runtime, &config, &trace, options)?.replay(trace)?;
//! assert!(report.code().is_none(), "{:?}", report.statuses);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audited;
mod builder;
mod config;
mod dispatch;
mod done;
mod filters;
mod live;
mod options;
mod outbox;
mod place;
mod registry;
mod replay;
mod report;
mod slot;
mod standin;
mod trace;
mod variables;
mod watch;

pub use config::{AppConfig, Entry, JobConfig, TaskFilters};
pub use live::{ComponentProgress, JobProgress, JobView};
pub use options::JobOptions;
pub use place::{Place, PlaceOptions};
pub use registry::{Kind, class_name};
pub use replay::Job;
pub(crate) use replay::SERVER;
pub use report::{
    ComponentReport, EngineReport, Failure, Happened, JobReport, PlaceReport, ResultReport, TaskReport,
};
pub use trace::{Header, Record, Trace, TraceError, What};
pub use watch::{ReportedStatus, WatchedHub};
