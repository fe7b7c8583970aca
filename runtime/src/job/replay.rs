//! A job that a recorded trace drives.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use flip_report::Kind;
use indexmap::IndexMap;

use super::audited;
use super::config::{CHECKPOINTS, JobConfig};
use super::filters::pass;
use super::live::{Counts, JobView, count};
use super::options::JobOptions;
use super::place::{Place, PlaceOptions};
use super::report::{Happened, JobReport, ResultReport, TaskReport};
use super::trace::{Record, Trace, What};
use super::watch::WatchedHub;
use crate::audit::{AuditTrail, DataEntry};
use crate::context::{AbortSignal, FlContext};
use crate::error::Error;
use crate::exchange::ReturnCode;
use crate::host::events::FATAL_SYSTEM_ERROR;
use crate::host::log::one_line;
use crate::paths::ComponentPath;
use crate::runtime::Runtime;
use crate::services::{Layout, Root, Services};

/// The name of the server in a trace and in a workspace.
pub(crate) const SERVER: &str = "server";
/// The folders of a workspace that are no site's.
const OTHER_FOLDERS: [&str; 4] = [SERVER, "images", OUTBOX, "store"];
/// Where what leaves a site is written to.
pub(super) const OUTBOX: &str = "outbox";
/// NVFLARE's events around the end of a run.
const ENDING: [&str; 3] = ["_about_to_end_run", "_check_end_run_readiness", "_end_run"];
/// How much of what was done is noted.
const MAX_HAPPENED: usize = 10_000;
/// The longest name of an event or a task that is noted whole, in bytes.
pub(super) const MAX_NAME: usize = 200;
const END_RUN: &str = "_end_run";
const ABORTED: &str = "_aborted";

/// A job whose components are configured.
pub struct Job {
    job_id: String,
    server_name: String,
    server: Arc<Place>,
    sites: IndexMap<String, Arc<Place>>,
    hub: Arc<WatchedHub>,
    pub(super) options: JobOptions,
    pub(super) counts: Arc<Counts>,
    pub(super) tasks: Vec<TaskReport>,
    pub(super) results: Vec<ResultReport>,
    happened: Vec<Happened>,
    happened_besides: u64,
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
            if ComponentPath::parse_entry(name).is_err() || name.contains('/') {
                return Err(Error::InvalidData(format!("{name:?} cannot be the name of a folder")));
            }
        }
        for (n, site) in header.sites.iter().enumerate() {
            if OTHER_FOLDERS.contains(&site.as_str())
                || header.sites.iter().take(n).any(|other| other == site)
            {
                return Err(Error::InvalidData(format!(
                    "{site:?} cannot be a site: its folder is another's"
                )));
            }
        }
        let names = config.entries().flat_map(|entry| [Some(entry.id.clone()), entry.kind.name()]);
        let names: Vec<_> = names.flatten().collect();
        options.policy.warn_of_strangers(names.iter().map(String::as_str));
        let hub = Arc::new(WatchedHub::new((!options.local_dev).then(|| options.hub.clone())));
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
                audit: options.audit.clone(),
                measure_changes: options.measure_changes,
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
            counts: Arc::default(),
            tasks: Vec::new(),
            results: Vec::new(),
            happened: Vec::new(),
            happened_besides: 0,
        })
    }

    /// The job for whoever watches it while it runs.
    pub fn view(&self) -> JobView {
        let places = std::iter::once(&self.server).chain(self.sites.values());
        let components = places.flat_map(|place| place.handlers().map(|slot| slot.live.clone()));
        JobView { counts: self.counts.clone(), components: components.collect() }
    }

    /// Does what the trace says, to its end. After a system panic, an abort, or an error, the run is wound
    /// up: of the rest of the trace only the events at the end of a run are fired.
    ///
    /// # Errors
    ///
    /// [`Error::Trace`] names the line, [`Error::File`] what cannot be read or written. What components
    /// do wrong is in the report.
    pub fn replay(mut self, trace: Trace) -> Result<JobReport, Error> {
        let mut ended = false;
        let driven = self.drive(trace, &mut ended);
        let aborted = self.options.abort.is_triggered();
        // The signal has done its work: what winds the run up is not to be aborted as well.
        let context = self.ending_context();
        if driven.is_err() {
            self.tell_server();
        }
        if aborted {
            self.server.fire(ABORTED, &context);
        }
        if !ended && (aborted || driven.is_err() || self.is_fatal()) {
            self.server.fire(END_RUN, &context);
        }
        driven?;
        self.options.audit.as_ref().map_or(Ok(()), AuditTrail::check)?;
        Ok(self.report(aborted))
    }

    /// Does what the trace says; `ended` tells whether the server's run has ended with it.
    fn drive(&mut self, trace: Trace, ended: &mut bool) -> Result<(), Error> {
        // A component that panics while it is configured does so before anyone can hear of it.
        let mut told = self.is_fatal();
        if told {
            self.tell_server();
        }
        for record in trace {
            let record = record?;
            if self.options.abort.is_triggered() {
                break;
            }
            let ending = matches!(&record.what, What::Event { event_type, .. } if ENDING.contains(&event_type.as_str()));
            if self.is_fatal() && !ending {
                continue;
            }
            *ended |= record.at == SERVER
                && matches!(&record.what, What::Event { event_type, .. } if event_type == END_RUN);
            self.step(record)?;
            // What components do can be noted no more: the run is an error, whatever they make of it.
            self.options.audit.as_ref().map_or(Ok(()), AuditTrail::check)?;
            if !told && self.is_fatal() {
                told = true;
                if self.server.fatal().is_none() {
                    self.tell_server();
                }
            }
        }
        Ok(())
    }

    /// The server ends the run, whoever's system panic it was.
    fn tell_server(&self) {
        self.server.fire(FATAL_SYSTEM_ERROR, &self.ending_context());
    }

    /// The context of what winds a run up.
    fn ending_context(&self) -> Arc<FlContext> {
        Arc::new(FlContext { abort: AbortSignal::default(), ..self.context(SERVER, None) })
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
            happened: self.happened,
            happened_besides: self.happened_besides,
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

    /// Does what a record says, and notes when.
    fn step(&mut self, record: Record) -> Result<(), Error> {
        let (kind, what) = match &record.what {
            What::Event { event_type, .. } => (Kind::Event, event_type),
            What::Task { task, .. } => (Kind::Task, task),
            What::Result { task, .. } => (Kind::Filter, task),
        };
        let (what, place) = (one_line(what, MAX_NAME), record.at.clone());
        let (time, started) = (SystemTime::now(), Instant::now());
        let done = self.carry_out(record);
        count(&self.counts.steps);
        match self.happened.len() < MAX_HAPPENED {
            true => self.happened.push(Happened { time, took: started.elapsed(), place, kind, what }),
            false => self.happened_besides = self.happened_besides.saturating_add(1),
        }
        done
    }

    fn carry_out(&mut self, record: Record) -> Result<(), Error> {
        let place = self.place(&record.at)?;
        let Record { seq, at, peer, what } = record;
        let context = self.context(&at, peer);
        if let Some(trail) = &self.options.audit {
            audited::comes_in(trail, &at, &place, &what)?;
        }
        match what {
            What::Event { event_type, props, shareables } => {
                let mut context = FlContext { props, shareables, ..context };
                if ENDING.contains(&event_type.as_str()) {
                    // What winds the run up is not to be aborted: nobody would bring its results to safety,
                    // nor tell the hub how it ended.
                    context.abort = AbortSignal::default();
                }
                place.fire(&event_type, &Arc::new(context));
            }
            What::Task { task, data } => {
                let context = Arc::new(context);
                let passed = pass(&place.data_filters(&task), &task, data, &context);
                let mut data = passed.data;
                match passed.held_back {
                    // Data that a filter failed on does not come in.
                    Some(failure) => {
                        if let Some(trail) = &self.options.audit {
                            trail.data_in(DataEntry::refused(&at, &task, failure.code))?;
                        }
                        data.return_code = ReturnCode::TaskDataFilterError;
                        self.task_done(seq, &at, task, failure.what, Ok(data));
                    }
                    None => {
                        if let Some((executor, reply)) = place.execute(&task, data, &context) {
                            self.task_done(seq, &at, task, executor, reply);
                        }
                    }
                }
            }
            What::Result { task, result } => {
                let filters = place.result_filters(&task);
                let filtered = pass(&filters, &task, result, &Arc::new(context));
                if let Some(trail) = &self.options.audit {
                    audited::goes_out(trail, &at, &task, &filters, &filtered)?;
                }
                self.result_out(seq, at, task, filtered)?;
            }
        }
        Ok(())
    }
}
