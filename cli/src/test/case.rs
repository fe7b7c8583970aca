//! Case files: what is done with a component, and what must come of it.

use std::path::Path;
use std::time::SystemTime;

use flip_runtime::testing::Peer;
use flip_runtime::{FlContext, Grants, Json, Limits};
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_saphyr::NonFiniteFloatPolicy;

use super::content::Content;
use super::data::{DxoSpec, ShareableSpec};
use super::expected::{Gives, HostSpec};

/// The largest case file, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// A file of cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CaseFile {
    /// The cases, each for an instance of its own.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The component's args.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub args: IndexMap<String, Value>,
    /// What is granted, as in a policy, in place of what `--policy` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Value>,
    /// What it may use, as in a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Value>,
    /// Where and for whom it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: ContextSpec,
    /// What its clock shows; 2000-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// What lies in the directories beforehand, by path.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub workspace: IndexMap<String, Content>,
    /// The objects that are stored beforehand, by key.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub objects: IndexMap<String, Content>,
    /// The other components of the job, by id.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub peers: IndexMap<String, Peer>,
    /// Why it does not accept its args.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuses_args: Option<String>,
    /// What it logs while it is configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// What it asks of the host while it is configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<HostSpec>,
    /// The calls, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Step>,
    /// What is there afterwards, where it is something else than beforehand.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after: After,
}

/// What is there afterwards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct After {
    /// All that lies in the directories, by path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<IndexMap<String, Content>>,
    /// All objects, by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<IndexMap<String, Content>>,
    /// The requests that the hub got, such as `PUT /model/4f0c/status/ERROR`, with their bodies behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hub: Vec<String>,
}

/// Where and for whom a component runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ContextSpec {
    /// The job; job-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The site or server; site-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Who sent what is being handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_identity: Option<String>,
    /// Whether it is a developer's machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local_dev: bool,
    /// Whether the run is being aborted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aborted: bool,
    /// Properties that are plain values.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub props: IndexMap<String, Value>,
    /// Properties that are shareables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub shareables: IndexMap<String, ShareableSpec>,
}

impl ContextSpec {
    /// The context of a call that says more of it in `call`.
    pub fn with(&self, call: &Self, folder: &Path) -> Result<FlContext, String> {
        let or = |call: &Option<String>, case: &Option<String>, otherwise: &str| {
            call.clone().or_else(|| case.clone()).unwrap_or_else(|| otherwise.to_owned())
        };
        let context = FlContext {
            job_id: or(&call.job_id, &self.job_id, "job-1"),
            identity: or(&call.identity, &self.identity, "site-1"),
            peer_identity: call.peer_identity.clone().or_else(|| self.peer_identity.clone()),
            local_dev: self.local_dev || call.local_dev,
            props: {
                let props = self.props.iter().chain(&call.props).map(|(key, value)| {
                    Json::of(value).map(|value| (key.clone(), value)).map_err(|error| error.to_string())
                });
                props.collect::<Result<_, _>>()?
            },
            shareables: {
                let shareables = self.shareables.iter().chain(&call.shareables);
                let shareables =
                    shareables.map(|(key, spec)| Ok((key.clone(), spec.shareable(folder)?.into())));
                shareables.collect::<Result<_, String>>()?
            },
            ..FlContext::default()
        };
        if self.aborted || call.aborted {
            context.abort.trigger();
        }
        Ok(context)
    }
}

/// One call, and what must come of it. Exactly one of the first eight says which call it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// A filter is given this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<DxoSpec>,
    /// An executor is given this task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute: Option<Task>,
    /// An event handler is given this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// A results generator is given this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_event: Option<String>,
    /// A results generator is asked whether every task failed, where this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_tasks_failed: Option<Asked>,
    /// A model locator is asked for its names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_names: Option<Asked>,
    /// A model locator is asked for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locate_model: Option<Model>,
    /// A results persistor is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persist: Option<Persist>,
    /// What is different in its context.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: ContextSpec,
    /// How it ends; `ok` where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives: Option<Gives>,
    /// The lines that it logs, such as `info: text`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// The figures that a filter reports.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub gauges: IndexMap<String, f64>,
    /// What it asks of the host, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<HostSpec>,
}

impl Step {
    /// How many calls it makes.
    fn calls(&self) -> usize {
        let Self {
            filter,
            execute,
            event,
            evaluation_event,
            all_tasks_failed,
            model_names,
            locate_model,
            persist,
            ..
        } = self;
        let asked = [all_tasks_failed, model_names].map(|asked| asked.is_some());
        let others = [filter.is_some(), execute.is_some(), locate_model.is_some(), persist.is_some()];
        let events = [event, evaluation_event].map(|event| event.is_some());
        asked.into_iter().chain(others).chain(events).filter(|made| *made).count()
    }
}

/// A question without arguments: `{}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {}

/// A task for an executor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Task {
    /// Its name.
    pub task: String,
    /// Its data.
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: ShareableSpec,
}

/// Which model a locator is asked for: a name, or `{}` for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Model {
    /// The one of this name.
    Named(String),
    /// A collection of every one.
    All(Asked),
}

/// What a results persistor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Persist {
    /// Uploads, then cleans up.
    Execute,
    /// Uploads.
    Upload,
    /// Cleans up.
    Cleanup,
}

impl Case {
    /// What is granted; none where the case does not say.
    pub fn granted(&self) -> Result<Option<Grants>, String> {
        let grants = self.grants.clone().map(serde_json::from_value).transpose();
        grants.map_err(|error| format!("grants: {error}"))
    }

    /// What its clock shows, where the case says so.
    pub fn time(&self) -> Result<Option<SystemTime>, String> {
        let time = self.now.as_deref().map(humantime::parse_rfc3339).transpose();
        time.map_err(|error| format!("now: {error}"))
    }

    /// What it may use, where the case says so.
    pub fn allowed(&self) -> Result<Option<Limits>, String> {
        let limits = self.limits.clone().map(serde_json::from_value).transpose();
        limits.map_err(|error| format!("limits: {error}"))
    }
}

impl CaseFile {
    /// Reads a case file, which is YAML, and JSON as well; and the comment that it begins with.
    pub fn read(path: &Path) -> Result<(Self, String), String> {
        let at = |error: &dyn std::fmt::Display| {
            let text = error.to_string();
            format!("{}: {}", path.display(), text.strip_prefix("error: ").unwrap_or(&text))
        };
        let metadata = std::fs::metadata(path).map_err(|error| at(&error))?;
        if !metadata.is_file() || metadata.len() > MAX_FILE {
            return Err(at(&format!("not a regular file of at most {MAX_FILE} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| at(&error))?;
        let file: Self = parse(&text).map_err(|error| at(&error))?;
        for case in &file.cases {
            if let Some(number) = case.calls.iter().position(|step| step.calls() != 1) {
                let what =
                    format!("case {:?}: call {} does not say which one call it is", case.name, number + 1);
                return Err(at(&what));
            }
        }
        let comment = text.lines().take_while(|line| line.starts_with('#') || line.trim().is_empty());
        Ok((file, comment.map(|line| format!("{line}\n")).collect()))
    }
}

/// Reads YAML 1.2, where `y` and `on` are texts. An element of a tensor that is no finite number comes as a text.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let non_finite_float_policy = NonFiniteFloatPolicy::AsString;
    let options =
        serde_saphyr::options! { strict_booleans: true, non_finite_float_policy: non_finite_float_policy };
    serde_saphyr::from_str_with_options(text, options)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
