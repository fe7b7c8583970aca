//! FLIP's `config_fed_server.json` and `config_fed_client.json`, as they are.

use std::io::Read;
use std::path::{Path, PathBuf};

use flip_report::text::is_hidden;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::registry::{Kind, class_name};
use super::variables::{Variables, plain};
use crate::error::Error;
use crate::host::log::one_line;
use crate::inspect::Digest;
use crate::instance::MAX_TEXT;
use crate::paths::ComponentPath;

/// The largest configuration file, in bytes. Read, numbers take seventy times as much.
const MAX_FILE: u64 = 1 << 20;
/// The longest id of an entry, in bytes.
const MAX_ID: usize = 255;
/// Where the files lie in a job's folder: as FLIP uploads it, and as NVFLARE deploys it.
const FOLDERS: [&str; 3] = ["", "config", "app/config"];
/// The variable of `environment.json` that says in which folder of the app's the engine keeps models.
pub(super) const CHECKPOINTS: &str = "APP_CKPT_DIR";

/// A job's configuration.
#[derive(Clone, Debug)]
pub struct JobConfig {
    /// What runs at the server.
    pub server: AppConfig,
    /// What runs at each site.
    pub client: AppConfig,
    /// The variables of `environment.json`, which is not there in every job.
    pub environment: IndexMap<String, String>,
}

/// One configuration file.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// The file.
    pub file: PathBuf,
    /// The components, in the order in which they get events.
    pub components: Vec<Entry>,
    /// The executors, with the tasks that each carries out.
    pub executors: Vec<(Vec<String>, Entry)>,
    /// The filters of results on their way out.
    pub task_result_filters: Vec<TaskFilters>,
    /// The filters of data on its way in.
    pub task_data_filters: Vec<TaskFilters>,
    /// The engine's controllers.
    pub workflows: Vec<Entry>,
}

/// The filters of some tasks, in their order.
#[derive(Clone, Debug)]
pub struct TaskFilters {
    /// The tasks; `*` stands for all.
    pub tasks: Vec<String>,
    /// The filters.
    pub filters: Vec<Entry>,
}

/// One thing that a configuration names.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id, or its class where it has none.
    pub id: String,
    /// Where it stands, such as `components[3]`.
    pub at: String,
    /// What it is.
    pub kind: Kind,
    /// Its args, a JSON object.
    pub args: String,
}

impl JobConfig {
    /// Reads the configuration in a job's folder.
    ///
    /// # Errors
    ///
    /// [`Error::File`], or [`Error::Config`] that names the file, the component and the key.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let directory = FOLDERS
            .map(|inner| folder.join(inner))
            .into_iter()
            .find(|directory| directory.join("config_fed_server.json").exists())
            .unwrap_or_else(|| folder.to_owned());
        Ok(Self {
            server: AppConfig::read(&directory.join("config_fed_server.json"), folder)?,
            client: AppConfig::read(&directory.join("config_fed_client.json"), folder)?,
            environment: read_environment(&directory.join("environment.json"))?,
        })
    }

    /// Every entry of the server's and of the sites' configuration.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        [&self.server, &self.client].into_iter().flat_map(|app| {
            let filters = app.task_result_filters.iter().chain(&app.task_data_filters);
            let executors = app.executors.iter().map(|(_, entry)| entry);
            app.components.iter().chain(executors).chain(filters.flat_map(|task| &task.filters))
        })
    }
}

/// The variables of `environment.json`. That which is a path must be one inside of the app's folder.
fn read_environment(file: &Path) -> Result<IndexMap<String, String>, Error> {
    if !file.exists() {
        return Ok(IndexMap::new());
    }
    let variables = parse::<IndexMap<String, Value>>(file)?;
    let variables: IndexMap<_, _> = variables.into_iter().map(|(name, value)| (name, plain(value))).collect();
    if let Some(path) = variables.get(CHECKPOINTS)
        && let Err(why) = ComponentPath::parse_written(path)
    {
        let reason = format!("{path:?} is no folder in the app's: {why}");
        return Err(config_error(file, &format!("key {CHECKPOINTS:?}"), &reason));
    }
    Ok(variables)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let metadata = std::fs::metadata(path).map_err(Error::file(path))?;
    let invalid = |reason: String| Error::Config {
        file: path.to_owned(),
        at: String::new(),
        reason: one_line(&reason, MAX_TEXT),
    };
    let unfit = || invalid(format!("not a regular file of at most {MAX_FILE} bytes"));
    // Opening a pipe would wait for somebody to write to it.
    if !metadata.is_file() {
        return Err(unfit());
    }
    let file = std::fs::File::open(path).map_err(Error::file(path))?;
    let mut text = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(Error::file(path))?;
    if text.len() as u64 > MAX_FILE {
        return Err(unfit());
    }
    serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    components: Vec<Value>,
    #[serde(default)]
    executors: Vec<Value>,
    #[serde(default)]
    task_result_filters: Vec<Value>,
    #[serde(default)]
    task_data_filters: Vec<Value>,
    #[serde(default)]
    workflows: Vec<Value>,
    #[serde(flatten)]
    variables: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct RawEntry {
    id: Option<String>,
    path: Option<String>,
    name: Option<String>,
    sha256: Option<Digest>,
    args: Option<serde_json::Map<String, Value>>,
}

#[derive(Deserialize)]
struct RawExecutor {
    tasks: Vec<String>,
    executor: Value,
}

#[derive(Deserialize)]
struct RawFilters {
    tasks: Vec<String>,
    filters: Vec<Value>,
}

/// Where in which file something is read.
struct Reader<'a> {
    file: &'a Path,
    base: &'a Path,
    variables: Variables<'a>,
}

impl AppConfig {
    fn read(file: &Path, base: &Path) -> Result<Self, Error> {
        let raw: Raw = parse(file)?;
        let variables = Variables::new(&raw.variables);
        let reader = Reader { file, base, variables };
        // Such as a misspelt task_result_filters: to pass over it would let data out unfiltered.
        let is_list_of_objects =
            |value: &Value| value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
        if let Some((key, _)) = raw.variables.iter().find(|(_, value)| is_list_of_objects(value)) {
            return Err(reader.error(&format!("key {key:?}"), "no list of components is called so"));
        }
        let entries = |values: &[Value], list: &str| {
            let entries = values.iter().enumerate();
            entries
                .map(|(n, value)| reader.entry(value, format!("{list}[{n}]")))
                .collect::<Result<Vec<_>, _>>()
        };
        let mut executors = Vec::new();
        for (n, value) in raw.executors.iter().enumerate() {
            let at = format!("executors[{n}]");
            let RawExecutor { tasks, executor } = reader.value(value, &at)?;
            executors.push((tasks, reader.entry(&executor, format!("{at}.executor"))?));
        }
        let filters = |values: &[Value], list: &str| {
            let filters = values.iter().enumerate().map(|(n, value)| {
                let at = format!("{list}[{n}]");
                let RawFilters { tasks, filters } = reader.value(value, &at)?;
                Ok(TaskFilters { tasks, filters: entries(&filters, &format!("{at}.filters"))? })
            });
            filters.collect::<Result<Vec<_>, Error>>()
        };
        let config = Self {
            file: file.to_owned(),
            components: entries(&raw.components, "components")?,
            executors,
            task_result_filters: filters(&raw.task_result_filters, "task_result_filters")?,
            task_data_filters: filters(&raw.task_data_filters, "task_data_filters")?,
            workflows: entries(&raw.workflows, "workflows")?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Error> {
        let mut seen = std::collections::HashSet::new();
        for entry in &self.components {
            if !seen.insert(&entry.id) {
                return Err(self.error(entry, "id", "another component has this id"));
            }
        }
        let filters = self.task_result_filters.iter().chain(&self.task_data_filters);
        for entry in filters.flat_map(|filters| &filters.filters) {
            // To leave a filter out would let data pass that it is there for.
            if let Kind::Engine { class } = &entry.kind {
                let reason =
                    format!("{class:?} is no filter that can be run: a built-in class or wasm:FILE is");
                return Err(self.error(entry, "path", &reason));
            }
        }
        Ok(())
    }

    /// An error of one entry of this file.
    pub(super) fn error(&self, entry: &Entry, key: &str, reason: &str) -> Error {
        config_error(&self.file, &format!("{:?} ({}): key {key:?}", entry.id, entry.at), reason)
    }
}

/// Ids and reasons are what the file says.
fn config_error(file: &Path, at: &str, reason: &str) -> Error {
    Error::Config {
        file: file.to_owned(),
        at: format!("{}: ", one_line(at, MAX_TEXT)),
        reason: one_line(reason, MAX_TEXT),
    }
}

impl Reader<'_> {
    fn error(&self, at: &str, reason: impl ToString) -> Error {
        config_error(self.file, at, &reason.to_string())
    }

    fn value<T: serde::de::DeserializeOwned>(&self, value: &Value, at: &str) -> Result<T, Error> {
        T::deserialize(value).map_err(|error| self.error(at, error))
    }

    fn entry(&self, value: &Value, at: String) -> Result<Entry, Error> {
        let id = value.get("id").and_then(Value::as_str);
        let named = id.map_or_else(|| at.clone(), |id| format!("{id:?} ({at})"));
        let raw: RawEntry = self.value(value, &named)?;
        let path = raw
            .path
            .or(raw.name)
            .ok_or_else(|| self.error(&named, "key \"path\": the class path, or wasm:FILE, is missing"))?;
        let key = if raw.id.is_some() { "id" } else { "path" };
        let id = raw.id.unwrap_or_else(|| class_name(path.trim_end_matches(".wasm")).to_owned());
        // It is logged, and policies name it.
        if id.chars().any(is_hidden) || id.len() > MAX_ID {
            let reason = format!("key {key:?}: at most {MAX_ID} bytes, and no character that is not shown");
            return Err(self.error(&named, reason));
        }
        let mut args = Value::Object(raw.args.unwrap_or_default());
        self.variables
            .put_into(&mut args, 1)
            .map_err(|reason| self.error(&format!("{named}: key \"args\""), reason))?;
        Ok(Entry { id, kind: Kind::of(&path, raw.sha256, self.base), args: args.to_string(), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_list_of_filters_was_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config_fed_client.json");
        std::fs::write(&file, r#"{"n": [1], "task_result_filter": [{"tasks": ["train"], "filters": []}]}"#)
            .unwrap();
        let error = AppConfig::read(&file, folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("key \"task_result_filter\": no list of components is called so"), "{error}");
    }

    #[test]
    fn an_id_could_forge_a_line_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config_fed_server.json");
        for id in ["a\\nINFO all is well", "\\u001b[2J", &"x".repeat(256)] {
            let text = format!(r#"{{"components": [{{"id": "{id}", "path": "wasm:a.wasm"}}]}}"#);
            std::fs::write(&file, text).unwrap();
            let error = AppConfig::read(&file, folder.path()).unwrap_err().to_string();
            assert!(error.contains("key \"id\": at most 255 bytes") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn an_id_of_any_length_was_repeated_in_its_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config_fed_server.json");
        std::fs::write(&file, format!(r#"{{"components": [{{"id": "{}"}}]}}"#, "x".repeat(100_000))).unwrap();
        let error = AppConfig::read(&file, folder.path()).unwrap_err().to_string();
        assert!(error.len() < 3_000 && error.ends_with("is missing"), "{error}");
    }
}
