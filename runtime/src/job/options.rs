//! Where a job runs, and what serves it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::audit::AuditTrail;
use crate::context::AbortSignal;
use crate::host::log::{LogSink, TracingLog};
use crate::policy::Policy;
use crate::services::{Hub, ObjectStore};

/// Where a job runs, and what serves it.
#[derive(Clone)]
pub struct JobOptions {
    /// NVFLARE's layout: `server/`, a folder for each site, `images/`.
    pub workspace: PathBuf,
    /// What the operator grants; the built-in components have policies of their own.
    pub policy: Policy,
    /// The net whose images the sites have; the trace's in its absence.
    pub net_id: Option<String>,
    /// Where images are, a folder for each net; `images/` of the workspace in its absence.
    pub images: Option<PathBuf>,
    /// Where models are that outlive a job.
    pub safehouse: PathBuf,
    /// Whether this is a developer's machine: nothing is deleted, uploaded or reported.
    pub local_dev: bool,
    /// Where results are uploaded to.
    pub object_store: Arc<dyn ObjectStore>,
    /// The Central Hub.
    pub hub: Arc<dyn Hub>,
    /// Where log lines go.
    pub log: Arc<dyn LogSink>,
    /// Where it is written down what components do and what comes and goes; who made it finishes it.
    pub audit: Option<AuditTrail>,
    /// Whether what filters change is measured, for [`Leaf::change`](crate::Leaf::change).
    pub measure_changes: bool,
    /// Ends the run: it is wound up as an aborted one.
    pub abort: AbortSignal,
}

impl JobOptions {
    /// A run in `workspace` as in production, with these services.
    pub fn new(workspace: impl Into<PathBuf>, object_store: Arc<dyn ObjectStore>, hub: Arc<dyn Hub>) -> Self {
        Self {
            workspace: workspace.into(),
            policy: Policy::default(),
            net_id: None,
            images: None,
            safehouse: PathBuf::from("/safehouse"),
            local_dev: false,
            object_store,
            hub,
            log: Arc::new(TracingLog),
            audit: None,
            measure_changes: false,
            abort: AbortSignal::default(),
        }
    }
}
