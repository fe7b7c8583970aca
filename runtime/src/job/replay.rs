//! A job that a recorded trace drives.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::config::JobConfig;
use super::place::{Place, PlaceOptions};
use super::report::{Failure, JobReport, ResultReport, TaskReport};
use super::slot::Slot;
use super::trace::{Record, Trace, What};
use super::watch::WatchedHub;
use crate::component::Runtime;
use crate::context::{AbortSignal, FlContext};
use crate::error::Error;
use crate::exchange::{Dxo, ReturnCode, Shareable};
use crate::filter::Leaf;
use crate::host::log::{LogSink, TracingLog};
use crate::json::Json;
use crate::paths::ComponentPath;
use crate::policy::{OnFilterFailure, Policy};
use crate::safetensors::Output;
use crate::services::{Hub, Layout, ObjectStore, Root, Services};

/// The name of the server in a trace and in a workspace.
const SERVER: &str = "server";
/// The variable of `environment.json` that says where the engine keeps models.
const CHECKPOINTS: &str = "APP_CKPT_DIR";
/// NVFLARE's events around the end of a run.
const ENDING: [&str; 3] = ["_about_to_end_run", "_check_end_run_readiness", "_end_run"];
const END_RUN: &str = "_end_run";
const ABORTED: &str = "_aborted";

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
            abort: AbortSignal::default(),
        }
    }
}

/// A job whose components are configured.
pub struct Job {
    job_id: String,
    server_name: String,
    server: Arc<Place>,
    sites: IndexMap<String, Arc<Place>>,
    hub: Arc<WatchedHub>,
    options: JobOptions,
    tasks: Vec<TaskReport>,
    results: Vec<ResultReport>,
}

impl Job {
    /// Loads and configures everything that `config` names, at the server and the sites of the trace.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], or [`Error::InvalidData`] where a name of the trace cannot name a folder.
    pub fn new(
        runtime: &Runtime,
        config: &JobConfig,
        trace: &Trace,
        options: JobOptions,
    ) -> Result<Self, Error> {
        let header = trace.header();
        let net_id = options.net_id.as_ref().or(header.net_id.as_ref());
        let net_id = net_id.map_or("default", String::as_str);
        for name in header.sites.iter().map(String::as_str).chain([net_id, header.job_id.as_str()]) {
            if ComponentPath::parse_entry(name).is_err() || name.contains('/') || name == SERVER {
                return Err(Error::InvalidData(format!("{name:?} cannot be the name of a folder here")));
            }
        }
        let hub = Arc::new(WatchedHub::new(options.hub.clone()));
        let images = options.images.clone().unwrap_or_else(|| options.workspace.join("images"));
        let checkpoints = config.environment.get(CHECKPOINTS);
        let place = |name: &str| {
            let root = options.workspace.join(name);
            let (job, app) = (root.join(&header.job_id), format!("app_{name}"));
            let layout = Layout::new()
                .with(Root::App, job.join(&app))
                .with(Root::Job, &job)
                .with(Root::Workspace, root)
                .with(Root::Images, images.join(net_id))
                .with(Root::Safehouse, &options.safehouse);
            PlaceOptions {
                name: name.to_owned(),
                policy: options.policy.clone(),
                services: Services {
                    directories: Some(Arc::new(layout)),
                    object_store: Some(options.object_store.clone()),
                    hub: Some(hub.clone()),
                    ..Services::default()
                },
                log: options.log.clone(),
                job,
                app,
                checkpoints: checkpoints.cloned(),
            }
        };
        let server = Place::new(runtime, &config.server, place(SERVER))?;
        let sites = header
            .sites
            .iter()
            .map(|site| Ok((site.clone(), Place::new(runtime, &config.client, place(site))?)));
        Ok(Self {
            sites: sites.collect::<Result<_, Error>>()?,
            server,
            job_id: header.job_id.clone(),
            server_name: header.server.clone(),
            hub,
            options,
            tasks: Vec::new(),
            results: Vec::new(),
        })
    }

    /// Does what the trace says, to its end. After a system panic, or an abort, the run is wound up: of
    /// the rest of the trace only the events at the end of a run are fired.
    ///
    /// # Errors
    ///
    /// [`Error::Trace`] names the line, [`Error::File`] what cannot be read or written. What components
    /// do wrong is in the report.
    pub fn replay(mut self, trace: Trace) -> Result<JobReport, Error> {
        let mut ended = false;
        for record in trace {
            let record = record?;
            if self.options.abort.is_triggered() {
                break;
            }
            let ending = matches!(&record.what, What::Event { event_type, .. } if ENDING.contains(&event_type.as_str()));
            if self.is_fatal() && !ending {
                continue;
            }
            ended |= record.at == SERVER
                && matches!(&record.what, What::Event { event_type, .. } if event_type == END_RUN);
            self.step(record)?;
        }
        let aborted = self.options.abort.is_triggered();
        // The signal has done its work: what winds the run up is not to be aborted as well.
        let context = Arc::new(FlContext { abort: AbortSignal::default(), ..self.context(SERVER, None) });
        if aborted {
            self.server.fire(ABORTED, &context);
        }
        if !ended && (aborted || self.is_fatal()) {
            self.server.fire(END_RUN, &context);
        }
        Ok(self.report(aborted))
    }

    fn is_fatal(&self) -> bool {
        self.server.fatal().is_some() || self.sites.values().any(|site| site.fatal().is_some())
    }

    fn report(self, aborted: bool) -> JobReport {
        let places = std::iter::once(&self.server).chain(self.sites.values());
        JobReport {
            places: places.map(|place| place.report()).collect(),
            statuses: self.hub.statuses(),
            local_dev: self.options.local_dev,
            job_id: self.job_id,
            tasks: self.tasks,
            results: self.results,
            aborted,
        }
    }

    fn context(&self, at: &str, peer: Option<String>) -> FlContext {
        FlContext {
            job_id: self.job_id.clone(),
            identity: if at == SERVER { self.server_name.clone() } else { at.to_owned() },
            peer_identity: peer,
            local_dev: self.options.local_dev,
            abort: self.options.abort.clone(),
            ..FlContext::default()
        }
    }

    fn place(&self, at: &str) -> Result<Arc<Place>, Error> {
        let place = if at == SERVER { Some(&self.server) } else { self.sites.get(at) };
        place.cloned().ok_or_else(|| Error::InvalidData(format!("the trace has no site {at:?}")))
    }

    fn step(&mut self, record: Record) -> Result<(), Error> {
        let place = self.place(&record.at)?;
        let Record { seq, at, peer, what } = record;
        let context = self.context(&at, peer);
        match what {
            What::Event { event_type, props, shareables } => {
                place.fire(&event_type, &Arc::new(FlContext { props, shareables, ..context }));
            }
            What::Task { task, data } => {
                let context = Arc::new(context);
                // Data that a filter failed on does not come in.
                let (data, _, refused) = pass(&place.data_filters(&task), data, &context);
                if refused.is_none()
                    && let Some((executor, reply)) = place.execute(&task, data, &context)
                {
                    self.task_done(seq, &at, task, executor, reply);
                }
            }
            What::Result { task, result } => {
                let filtered = pass(&place.result_filters(&task), result, &Arc::new(context));
                self.result_out(seq, at, task, filtered)?;
            }
        }
        Ok(())
    }

    fn task_done(
        &mut self,
        seq: u64,
        at: &str,
        task: String,
        executor: String,
        reply: Result<Shareable, Error>,
    ) {
        let (code, exception) = match reply {
            Ok(reply) => {
                let exception = reply.headers.get("exception");
                let text = exception.map(|text| text.to().unwrap_or_else(|_| text.text().to_owned()));
                (reply.return_code, text.filter(|_| reply.return_code != ReturnCode::Ok))
            }
            Err(error) => (ReturnCode::ExecutionException, Some(error.to_string())),
        };
        if let Some(exception) = &exception {
            tracing::error!(component = executor, "{task} at {at}: {}: {exception}", code.name());
        }
        let (at, return_code) = (at.to_owned(), code.name());
        self.tasks.push(TaskReport { seq, at, task, executor, return_code, exception });
    }

    /// Writes what leaves the site to the workspace's outbox.
    fn result_out(&mut self, seq: u64, at: String, task: String, filtered: Passed) -> Result<(), Error> {
        let (result, filters, refused) = filtered;
        let mut files = Vec::new();
        if let Some(dxo) = result.dxo {
            let folder = self.options.workspace.join("outbox").join(&at);
            std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
            let task: String = task.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            write(dxo, &folder, &format!("{seq}-{task}"), &mut files)?;
        }
        let return_code = result.return_code.name();
        self.results.push(ResultReport { seq, at, task, return_code, filters, refused, files });
        Ok(())
    }
}

/// What came through filters, what each did, and why it was held back or went unfiltered.
type Passed = (Shareable, IndexMap<String, Vec<Leaf>>, Option<Failure>);

/// Passes data through filters, one after the other.
fn pass(filters: &[Arc<Slot>], mut data: Shareable, context: &Arc<FlContext>) -> Passed {
    let mut done = IndexMap::new();
    let mut failure = None;
    for slot in filters {
        // The clone shares the tensors' data.
        let before = data.clone();
        let filtered = slot.enter(|instance| Ok(instance.filter_result(data, context)));
        let error = match filtered {
            Ok(filtered) => {
                data = filtered.reply;
                match filtered.outcome {
                    Ok(leaves) => {
                        done.insert(slot.id.to_string(), leaves);
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(error) => {
                data = Shareable::held_back(&error);
                error
            }
        };
        slot.note(
            "filter",
            Err(Error::Refused { component: slot.id.to_string(), reason: error.to_string() }),
        );
        failure = Some(Failure { what: slot.id.to_string(), code: error.code(), error: error.to_string() });
        match slot.on_filter_failure {
            OnFilterFailure::HoldBack => break,
            OnFilterFailure::LetPass => {
                tracing::error!(component = &*slot.id, "THE DATA LEAVES UNFILTERED, as the policy has it");
                data = before;
            }
        }
    }
    (data, done, failure)
}

/// Writes tensors as a dxo file, plain values as JSON, and each member of a collection on its own.
fn write(dxo: Dxo, folder: &Path, name: &str, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if let Some(members) = dxo.members() {
        for (n, member) in members.values().enumerate() {
            // The member's own name may be no name of a file.
            write(member.clone(), folder, &format!("{name}.{n}"), files)?;
        }
        return Ok(());
    }
    let path = match dxo.values() {
        Some(values) => {
            let path = folder.join(format!("{name}.json"));
            let members = [
                ("kind".to_owned(), Json::of(dxo.kind().name()).unwrap_or_else(|_| Json::null())),
                ("meta".to_owned(), Json::object(&dxo.meta)),
                ("data".to_owned(), values.clone()),
            ];
            let text = Json::object_text(members.iter().map(|(name, value)| (name, value)));
            std::fs::write(&path, text).map_err(Error::file(&path))?;
            path
        }
        None => {
            let path = folder.join(format!("{name}.safetensors"));
            let metadata = IndexMap::new();
            Output::create(&path, &dxo, &metadata)?.commit(dxo, &metadata)?;
            path
        }
    };
    files.push(path);
    Ok(())
}
