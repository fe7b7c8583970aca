//! Runs one case: the component on a host of its own, call by call.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flip_runtime::services::{Caller, HubRequest};
use flip_runtime::testing::{Found, TestHost, Tree};
use flip_runtime::{
    Component, Dxo, Error, FlContext, Grants, Instance, Json, Level, Limits, Outcome, RecordedLog, Runtime,
    Shareable, Usage,
};
use indexmap::IndexMap;
use serde_json::Value;

use super::calls;
use super::case::{Case, Model, Persist, Step};
use super::data::DxoSpec;
use super::expected::{ErrorSpec, Gives};

/// What a component did in a case.
pub struct Observed {
    /// Why it did not accept its args.
    pub refused_args: Option<String>,
    /// Whether it accepted them: it may have ended in another way while it was configured.
    pub accepted_args: bool,
    /// While it was configured.
    pub configured: Noted,
    /// Call by call, up to the one that ended it.
    pub steps: Vec<Observation>,
    /// What lies in the directories afterwards.
    pub tree: Tree,
    /// What lay there beforehand.
    pub tree_before: Tree,
    /// The objects, before and after.
    pub objects: [Tree; 2],
    /// The requests that the hub got.
    pub hub: Vec<String>,
    /// Answers that no call has taken.
    pub unused_answers: Vec<String>,
    /// What it used.
    pub usage: Usage,
}

/// What was noted while something went on.
#[derive(Default)]
pub struct Noted {
    /// Lines of the log, `info: text`.
    pub log: Vec<String>,
    /// Calls into the host; what comes again directly is counted.
    pub host: Vec<String>,
}

/// What came of one call.
pub struct Observation {
    /// How it ended.
    pub ended: Ended,
    /// The figures that a filter reported.
    pub gauges: IndexMap<String, f64>,
    /// What was noted meanwhile.
    pub noted: Noted,
}

/// How a call ended, with its data as it is.
#[expect(clippy::large_enum_variant, reason = "a case has a few of them")]
pub enum Ended {
    /// As it stands in a case file.
    Plain(Gives),
    /// A filter lets this out.
    Filtered(Dxo),
    /// A filter lets this out, and says of each member something else.
    Members(IndexMap<String, String>, Dxo),
    /// An executor replies.
    Reply(Shareable),
    /// A locator has found this.
    Model(Dxo),
}

/// What a component is given where its case does not say.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    /// What is granted; without it a built-in component has what its own policy says, and any other nothing.
    pub grants: Option<&'a Grants>,
    /// What it may use.
    pub limits: Option<&'a Limits>,
    /// Has a filter in phases work in them: so many instances, and so many bytes in a part.
    pub share: Option<(usize, u64)>,
    /// Where it is put down what each instance used.
    pub used: Option<&'a Mutex<Vec<Usage>>>,
}

/// Runs the case. Its files are in `folder`.
pub fn run(
    runtime: &Runtime,
    component: &Component,
    case: &Case,
    folder: &Path,
    given: Given<'_>,
) -> anyhow::Result<Observed> {
    let host = prepare(runtime, case, folder, given)?;
    let (tree_before, objects_before) = (host.tree()?, stored(&host)?);
    let mut notes = Notes { host: &host, log: 0, calls: 0 };
    let args = Json::of(&case.args)?;
    let mut builder = host.instance(component).args(args.text());
    if let Some(limits) = case.allowed().map_err(anyhow::Error::msg)?.or_else(|| given.limits.cloned()) {
        builder = builder.limits(limits);
    }
    if let Some((instances, part)) = given.share {
        builder = builder.share(instances, part);
    }
    let built = builder.build();
    let accepted_args = built.is_ok();
    let configured = notes.take();
    let mut steps = Vec::new();
    let mut usage = Usage::default();
    let refused_args = match built {
        Ok(mut instance) => {
            for step in &case.calls {
                let (ended, gauges) = call(&mut instance, case, step, folder)?;
                steps.push(Observation { ended, gauges, noted: notes.take() });
            }
            usage = instance.usage();
            if let Some(used) = given.used {
                used.lock().unwrap_or_else(PoisonError::into_inner).push(usage.clone());
            }
            None
        }
        Err(Error::Args { reason, .. }) => Some(reason),
        // A call that never came to be: what ended it stands at the first one.
        Err(error) if !case.calls.is_empty() => {
            let (ended, gauges) = (Ended::Plain(failure(error)?), IndexMap::new());
            steps.push(Observation { ended, gauges, noted: Noted::default() });
            None
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Observed {
        refused_args,
        accepted_args,
        configured,
        steps,
        tree: host.tree()?,
        tree_before,
        objects: [objects_before, stored(&host)?],
        hub: host.hub_requests().iter().map(request).collect(),
        unused_answers: host.unused_answers(),
        usage,
    })
}

/// An instance without anything around it, to be asked what it wants.
pub fn bare(
    component: &Component,
    args: &IndexMap<String, Value>,
    given: Given<'_>,
) -> anyhow::Result<Instance> {
    let mut builder = component.instance().args(Json::of(args)?.text()).log(Arc::new(RecordedLog::default()));
    if let Some(grants) = given.grants {
        builder = builder.grants(grants.clone());
    }
    if let Some(limits) = given.limits {
        builder = builder.limits(limits.clone());
    }
    Ok(builder.build()?)
}

/// The host as the case wants it.
fn prepare(runtime: &Runtime, case: &Case, folder: &Path, given: Given<'_>) -> anyhow::Result<TestHost> {
    let mut host = TestHost::new(runtime)?;
    if let Some(grants) = case.granted().map_err(anyhow::Error::msg)?.or_else(|| given.grants.cloned()) {
        host = host.with_grants(grants);
    }
    if let Some(time) = case.time().map_err(anyhow::Error::msg)? {
        host = host.at(time);
    }
    let objects = case.objects.iter().map(|(key, content)| (format!("objects/{key}"), content));
    let files = case.workspace.iter().map(|(path, content)| (path.clone(), content));
    for (path, content) in files.chain(objects) {
        let found = content.planted(folder).map_err(|error| anyhow::anyhow!("{path}: {error}"))?;
        host.plant(&path, &found)?;
    }
    for (id, peer) in &case.peers {
        host = host.peer(id, peer.clone());
    }
    for spec in case.host.iter().chain(case.calls.iter().flat_map(|step| &step.host)) {
        if let Some((call, answer)) = spec.answer().map_err(anyhow::Error::msg)? {
            host = host.answer(call, answer);
        }
    }
    Ok(host)
}

/// The objects of the host.
fn stored(host: &TestHost) -> Result<Tree, Error> {
    Ok(host.objects()?.into_iter().map(|(key, contents)| (key, Found::File(contents))).collect())
}

/// What was noted since the last time.
struct Notes<'a> {
    host: &'a TestHost,
    log: usize,
    calls: usize,
}

impl Notes<'_> {
    fn take(&mut self) -> Noted {
        let (log, calls) = (self.host.log(), self.host.calls());
        let lines = log.iter().skip(self.log).map(|(level, line)| format!("{}: {line}", name(*level)));
        let told = calls.iter().skip(self.calls).map(ToString::to_string);
        let noted = Noted { log: lines.collect(), host: calls::counted(told) };
        (self.log, self.calls) = (log.len(), calls.len());
        noted
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn request(request: &HubRequest) -> String {
    let body = request.body.as_ref().map_or_else(String::new, |body| format!(" {body}"));
    format!("{} {}{body}", request.method, request.path)
}

/// Makes the call of a step.
fn call(
    instance: &mut Instance,
    case: &Case,
    step: &Step,
    folder: &Path,
) -> anyhow::Result<(Ended, IndexMap<String, f64>)> {
    let invalid = anyhow::Error::msg;
    let context = Arc::new(case.context.with(&step.context, folder).map_err(invalid)?);
    let deadline = Instant::now() + instance.limits().call_time;
    let caller = Caller { id: "the test", context: &context, deadline };
    let ok = |()| Gives::Ok;
    let ended = match step {
        Step { filter: Some(spec), .. } => {
            return filter(instance, spec.dxo(folder).map_err(invalid)?, &context);
        }
        Step { execute: Some(task), .. } => {
            let data = task.data.shareable(folder).map_err(invalid)?;
            match instance.execute(&task.task, data, &context) {
                Ok(reply) => return Ok((Ended::Reply(reply), IndexMap::new())),
                Err(error) => Err(error),
            }
        }
        // As in a job: a handler is only called for what it asked for.
        Step { event: Some(event), .. }
            if instance.event_types().is_some() && !instance.is_interested(event) =>
        {
            Ok(Gives::Unheard)
        }
        Step { event: Some(event), .. } => instance.handle_event(event, &context).map(ok),
        Step { evaluation_event: Some(event), .. } => instance.handle_evaluation_event(event, caller).map(ok),
        Step { all_tasks_failed: Some(_), .. } => instance.all_tasks_failed(caller).map(Gives::Failed),
        Step { model_names: Some(_), .. } => instance.model_names(&context).map(Gives::Names),
        Step { locate_model: Some(model), .. } => {
            let name = match model {
                Model::Named(name) => Some(&**name),
                Model::All(_) => None,
            };
            match instance.locate_model(name, &context) {
                Ok(Some(dxo)) => return Ok((Ended::Model(dxo), IndexMap::new())),
                Ok(None) => Ok(Gives::Model(None)),
                Err(error) => Err(error),
            }
        }
        Step { persist: Some(persist), .. } => match persist {
            Persist::Execute => instance.persist(caller),
            Persist::Upload => instance.upload_results(caller),
            Persist::Cleanup => instance.clean_up(caller),
        }
        .map(ok),
        _ => anyhow::bail!("case {:?}: a call without anything to call", case.name),
    };
    Ok((Ended::Plain(ended.or_else(failure)?), IndexMap::new()))
}

fn filter(
    instance: &mut Instance,
    dxo: Dxo,
    context: &Arc<FlContext>,
) -> anyhow::Result<(Ended, IndexMap<String, f64>)> {
    let given = dxo.clone();
    let filtered = match instance.filter(dxo, context) {
        Ok(filtered) => filtered,
        Err(error) => return Ok((Ended::Plain(failure(error)?), IndexMap::new())),
    };
    let mut gauges = IndexMap::new();
    for leaf in &filtered.leaves {
        for (name, value) in &leaf.gauges {
            let name = if leaf.path.is_empty() { name.clone() } else { format!("{}: {name}", leaf.path) };
            gauges.insert(name, *value);
        }
    }
    let all_filtered = filtered.leaves.iter().all(|leaf| leaf.outcome == Outcome::Filtered);
    let untouched = || same(&given, &filtered.dxo).map_err(anyhow::Error::msg);
    let ended = match (&*filtered.leaves, all_filtered) {
        (_, true) => Ended::Filtered(filtered.dxo),
        ([leaf], _) => Ended::Plain(match &leaf.outcome {
            outcome if !untouched()? => {
                Gives::Invalid(format!("it changed the data, and says: {}", told(outcome)))
            }
            Outcome::Unchanged(why) => Gives::Unchanged(why.clone()),
            Outcome::PassedBy(why) => Gives::PassedBy(why.clone()),
            Outcome::Filtered => Gives::Ok,
        }),
        (leaves, _) => {
            let each = leaves.iter().map(|leaf| (leaf.path.clone(), told(&leaf.outcome)));
            Ended::Members(each.collect(), filtered.dxo)
        }
    };
    Ok((ended, gauges))
}

/// Whether the two hold the same, but for what the host writes.
fn same(one: &Dxo, other: &Dxo) -> Result<bool, String> {
    // As text, since one NaN is not equal to another.
    let text = |dxo| {
        serde_saphyr::to_string(&DxoSpec::of(dxo)?.without_history()).map_err(|error| error.to_string())
    };
    Ok(text(one)? == text(other)?)
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Filtered => "filtered".to_owned(),
        Outcome::Unchanged(why) => format!("unchanged: {why}"),
        Outcome::PassedBy(why) => format!("passed by: {why}"),
    }
}

/// How a call ended that failed. What is no fault of the component ends the test.
fn failure(error: Error) -> Result<Gives, Error> {
    Ok(match error {
        Error::Refused { reason, .. } => Gives::Refused(reason),
        Error::Failed { error, .. } => Gives::Error(ErrorSpec::of(&error.0)),
        Error::Trapped { reason, .. } => Gives::Trap(reason),
        Error::Limit { reached, .. } => Gives::Limit(reached.limit.to_owned()),
        Error::InvalidData(reason) | Error::InvalidComponent { reason, .. } => Gives::Invalid(reason),
        poisoned @ Error::Poisoned { .. } => Gives::Invalid(poisoned.to_string()),
        no_role @ (Error::NoRole { .. } | Error::Withheld { .. }) => Gives::Invalid(no_role.to_string()),
        other => return Err(other),
    })
}
