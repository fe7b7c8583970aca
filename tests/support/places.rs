//! A server of errand runners.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use flip_runtime::job::{AppConfig, Entry, Kind, Place, PlaceOptions};
use flip_runtime::services::{Layout, Root};
use flip_runtime::{Builtin, RecordedLog, Services};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{context, errand_file, lines, runtime};

/// A place, and what its components have written to their log.
pub struct Server {
    /// The place.
    pub place: Arc<Place>,
    log: Arc<RecordedLog>,
    /// The job's folder.
    pub job: TempDir,
}

/// What a [`Server`] is made of.
#[derive(Default)]
pub struct ServerConfig {
    components: Vec<Entry>,
    policy: String,
}

impl ServerConfig {
    /// Adds an errand runner: its id, the lines of its policy, its args.
    pub fn with(mut self, id: &str, granted: &str, args: &Value) -> Self {
        let _ = write!(self.policy, "[components.{id}]\n{granted}\n");
        let file = errand_file();
        let (folder, path) = (file.parent().unwrap().to_owned(), file.file_name().unwrap().into());
        self.entry(id, Kind::File { folder, path, sha256: None }, args)
    }

    /// The same, that does these errands on these events.
    pub fn on(self, id: &str, granted: &str, on: Value) -> Self {
        self.with(id, granted, &json!({"on": on}))
    }

    /// Adds one of FLIP's own, without args.
    ///
    /// # Panics
    ///
    /// Where there is none of this name.
    #[track_caller]
    pub fn builtin(self, id: &str, name: &str) -> Self {
        self.entry(id, Kind::Builtin(Builtin::find(name).unwrap()), &json!({}))
    }

    /// Adds a part of the engine.
    pub fn engine(self, id: &str, class: &str) -> Self {
        self.entry(id, Kind::Engine { class: class.to_owned() }, &json!({}))
    }

    fn entry(mut self, id: &str, kind: Kind, args: &Value) -> Self {
        let at = format!("components[{}]", self.components.len());
        self.components.push(Entry { id: id.to_owned(), at, kind, args: args.to_string() });
        self
    }

    /// Sets it up.
    ///
    /// # Panics
    ///
    /// Where it cannot.
    #[track_caller]
    pub fn start(self) -> Server {
        let config = AppConfig {
            file: PathBuf::from("config_fed_server.json"),
            components: self.components,
            executors: Vec::new(),
            task_result_filters: Vec::new(),
            task_data_filters: Vec::new(),
            workflows: Vec::new(),
        };
        let log = Arc::new(RecordedLog::default());
        let job = tempfile::tempdir().unwrap();
        let options = PlaceOptions {
            name: "server".to_owned(),
            policy: self.policy.parse().unwrap(),
            services: Services {
                directories: Some(Arc::new(Layout::new().with(Root::Job, job.path()))),
                ..Services::default()
            },
            log: log.clone(),
            audit: None,
            measure_changes: false,
            job: job.path().to_owned(),
            app: "app_server".to_owned(),
            checkpoints: None,
        };
        let place = Place::new(&runtime(), &config, options).unwrap();
        Server { place, log, job }
    }
}

impl Server {
    /// Fires an event as the engine does, and returns what was logged since the start.
    pub fn fire(&self, event_type: &str) -> Vec<String> {
        self.place.fire(event_type, &context());
        lines(&self.log)
    }

    /// How the component of this id failed so far.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[track_caller]
    pub fn failures(&self, id: &str) -> Vec<String> {
        let report = self.place.report();
        let component = report.components.into_iter().find(|component| component.id == id).unwrap();
        component.failures.into_iter().map(|failure| format!("{}: {}", failure.what, failure.error)).collect()
    }
}
