//! Cuts one component's part out of a recorded job: a case of the calls that it got there.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use flip_runtime::job::{AppConfig, Entry, JobConfig, Kind, Record, Trace, What};
use flip_runtime::safetensors::Output;
use flip_runtime::testing::Peer;
use flip_runtime::{Component, Dxo, Runtime, Shareable};
use indexmap::IndexMap;

use super::args::Test;
use super::case::{Asked, Case, CaseFile, ContextSpec, Model, Persist, Step, Task};
use super::data::{DxoSpec, ShareableSpec, plain};
use super::expected::Gives;
use super::runner::{self, Given, bare};
use super::{File, bless};
use crate::args::Global;
use crate::{print, sandbox};

/// How a trace calls the server.
const SERVER: &str = "server";
/// Larger tensors go into files of their own, in elements.
const MOST_INLINE: u64 = 64;

/// Writes the case file, with what the component does now as what it must do.
pub fn run(args: &Test, trace: &Path, global: &Global) -> anyhow::Result<()> {
    let Some(id) = &args.component_id else {
        bail!("--from-trace needs the component's id: --component ID");
    };
    let out = &args.out.clone().map_or_else(|| named_after(id), Ok)?;
    not_there(out)?;
    let beside = || trace.parent().unwrap_or(Path::new("")).join("job");
    let config = JobConfig::read(&args.job.clone().unwrap_or_else(beside))?;
    let records = Trace::open(trace)?;
    let header = records.header().clone();
    let mut found = [(SERVER, &config.server), ("", &config.client)].into_iter();
    let found = found.find_map(|(place, app)| Some((place, app, find(app, id)?)));
    let (place, app, found) = found.ok_or_else(|| anyhow!("no component of the job has the id {id:?}"))?;
    let site = args.at.as_ref().or(header.sites.first()).context("the trace has no site")?;
    let place = if place == SERVER { SERVER } else { site };
    let runtime = sandbox::runtime(global, args.limits.clone().unwrap_or_default())?;
    let component = load(&runtime, found.entry)?;

    let identity = if place == SERVER { header.server.clone() } else { place.to_owned() };
    let mut case = Case {
        name: format!("{id} at {place}, as in {}", trace.display()),
        args: serde_json::from_str(&found.entry.args)?,
        context: ContextSpec {
            job_id: Some(header.job_id.clone()),
            identity: Some(identity),
            ..ContextSpec::default()
        },
        peers: peers(&runtime, app, id)?,
        ..Case::default()
    };
    let mut cut = Cut { component: &component, found: &found, out, files: 0, calls: Vec::new() };
    let handler = bare(&component, &case.args, Given::default())?;
    for record in records {
        let record = record?;
        if record.at == place {
            cut.record(record, |event| handler.is_interested(event))?;
        }
    }
    cut.ending();
    case.calls = cut.calls;
    let folder = out.parent().unwrap_or(Path::new(""));
    let observed = runner::run(&runtime, &component, &case, folder, Given::default())?;
    let mut case = bless::blessed(&case, &observed, folder).map_err(anyhow::Error::msg)?;
    case.calls.retain(tells);
    if case.calls.is_empty() {
        bail!("nothing in the trace is for {id:?} at {place}");
    }
    let calls = case.calls.len();
    let comment = format!("# Cut out of {} by flip-wasm test --from-trace.\n", trace.display());
    let content = CaseFile { cases: vec![case] };
    bless::write(&File { path: out.clone(), comment, content, changed: true })?;
    print(format!("wrote {}: {calls} calls\n", out.display()).as_bytes())
}

/// The case file of a component where none is named, in this folder.
fn named_after(id: &str) -> anyhow::Result<PathBuf> {
    // An id is the job's to choose, and not where files go.
    if id.contains(['/', '\\', '\0']) || id.starts_with('.') {
        bail!("{id:?} is no name for a file; name the case file to write: --out FILE");
    }
    Ok(PathBuf::from(format!("{id}.yaml")))
}

/// Nothing is overwritten, and no link that leads nowhere is replaced.
fn not_there(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} is there already, and is not overwritten", path.display());
    }
    Ok(())
}

/// What a job says of a component.
struct Found<'a> {
    entry: &'a Entry,
    /// The tasks that it is for.
    tasks: &'a [String],
}

fn find<'a>(app: &'a AppConfig, id: &str) -> Option<Found<'a>> {
    let filters = app.task_result_filters.iter().chain(&app.task_data_filters);
    let filters = filters.flat_map(|chain| chain.filters.iter().map(|entry| (&*chain.tasks, entry)));
    let executors = app.executors.iter().map(|(tasks, entry)| (&**tasks, entry));
    let components = app.components.iter().map(|entry| (&[][..], entry));
    let mut all = components.chain(executors).chain(filters);
    all.find(|(_, entry)| entry.id == id).map(|(tasks, entry)| Found { entry, tasks })
}

/// The other components of the job that it could call; all goes well there.
fn peers(runtime: &Runtime, app: &AppConfig, id: &str) -> anyhow::Result<IndexMap<String, Peer>> {
    let mut peers = IndexMap::new();
    for entry in app.components.iter().filter(|entry| entry.id != id) {
        let peer = match &entry.kind {
            Kind::Engine { class } if class.ends_with("Persistor") => {
                Some(Peer::ModelPersistor { inventory: Vec::new() })
            }
            Kind::Engine { .. } => None,
            Kind::Builtin(_) | Kind::File { .. } => {
                let component = load(runtime, entry)?;
                let has = |role: &str| component.inspection().roles.iter().any(|known| known == role);
                match () {
                    () if has("results-generator") => {
                        Some(Peer::ResultsGenerator { all_tasks_failed: false })
                    }
                    () if has("results-persistor") => Some(Peer::ResultsPersistor { fails: None }),
                    () => None,
                }
            }
        };
        peers.extend(peer.map(|peer| (entry.id.clone(), peer)));
    }
    Ok(peers)
}

fn load(runtime: &Runtime, entry: &Entry) -> anyhow::Result<Component> {
    match (&entry.kind, entry.kind.source()) {
        (_, Some(source)) => Ok(runtime.load_source(&source)?),
        (Kind::Engine { class }, None) => bail!("{:?} is {class}, a part of the FL engine", entry.id),
        (_, None) => bail!("{:?} is no component", entry.id),
    }
}

/// Whether a call is worth to be kept: it does something, or brings something that is remembered.
fn tells(step: &Step) -> bool {
    let silent = matches!(step.gives, None | Some(Gives::Ok)) && step.log.is_empty() && step.host.is_empty();
    !silent || step.event.is_none() && step.evaluation_event.is_none() || !step.context.shareables.is_empty()
}

struct Cut<'a> {
    component: &'a Component,
    found: &'a Found<'a>,
    out: &'a PathBuf,
    files: u32,
    calls: Vec<Step>,
}

impl Cut<'_> {
    fn has(&self, role: &str) -> bool {
        self.component.inspection().roles.iter().any(|known| known == role)
    }

    fn covers(&self, task: &str) -> bool {
        self.found.tasks.iter().any(|known| known == "*" || known == task)
    }

    /// Takes over what is for the component.
    fn record(&mut self, record: Record, interested: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let mut context = ContextSpec { peer_identity: record.peer, ..ContextSpec::default() };
        match record.what {
            What::Event { event_type, props, shareables } => {
                context.props = props.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
                let (handler, generator) = (self.has("event-handler"), self.has("results-generator"));
                if generator || handler && interested(&event_type) {
                    for (name, shareable) in shareables {
                        context.shareables.insert(name, self.shareable(&shareable)?);
                    }
                }
                let step = |event, evaluation_event| Step {
                    event,
                    evaluation_event,
                    context: context.clone(),
                    ..Step::default()
                };
                if handler && interested(&event_type) {
                    self.calls.push(step(Some(event_type), None));
                } else if generator {
                    self.calls.push(step(None, Some(event_type)));
                }
            }
            What::Task { task, data } if self.has("executor") && self.covers(&task) => {
                let data = self.shareable(&data)?;
                self.calls.push(Step { execute: Some(Task { task, data }), context, ..Step::default() });
            }
            What::Result { task, result } if self.has("dxo-filter") && self.covers(&task) => {
                let Some(dxo) = &result.dxo else { return Ok(()) };
                let dxo = self.dxo(dxo)?;
                self.calls.push(Step { filter: Some(dxo), context, ..Step::default() });
            }
            What::Task { .. } | What::Result { .. } => {}
        }
        Ok(())
    }

    /// What a trace does not hold, since other components ask for it.
    fn ending(&mut self) {
        if self.has("results-generator") {
            self.calls.push(Step { all_tasks_failed: Some(Asked {}), ..Step::default() });
        }
        if self.has("model-locator") {
            self.calls.push(Step { model_names: Some(Asked {}), ..Step::default() });
            self.calls.push(Step { locate_model: Some(Model::All(Asked {})), ..Step::default() });
        }
        if self.has("results-persistor") {
            self.calls.push(Step { persist: Some(Persist::Execute), ..Step::default() });
        }
    }

    fn shareable(&mut self, shareable: &Shareable) -> anyhow::Result<ShareableSpec> {
        let without = Shareable { dxo: None, ..shareable.clone() };
        let mut spec = ShareableSpec::of(&without).map_err(anyhow::Error::msg)?;
        spec.dxo = shareable.dxo.as_ref().map(|dxo| self.dxo(dxo)).transpose()?;
        Ok(spec)
    }

    /// A dxo; large tensors go into a file beside the case file.
    fn dxo(&mut self, dxo: &Dxo) -> anyhow::Result<DxoSpec> {
        let large =
            dxo.tensors().is_some_and(|tensors| tensors.values().any(|tensor| tensor.len() > MOST_INLINE));
        if !large {
            return DxoSpec::of(dxo).map_err(anyhow::Error::msg);
        }
        self.files += 1;
        let stem = self.out.file_stem().unwrap_or_default().to_string_lossy();
        let file = format!("{stem}-{}.safetensors", self.files);
        let path = self.out.with_file_name(&file);
        not_there(&path)?;
        Output::create(&path, dxo, &IndexMap::new())?.commit(dxo.clone(), &IndexMap::new())?;
        let meta = dxo.meta.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
        Ok(DxoSpec { kind: Some(dxo.kind().name().to_owned()), meta, file: Some(file), ..DxoSpec::default() })
    }
}
