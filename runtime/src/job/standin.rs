//! What stands in for the FL engine's model persistor where there is no engine.

use std::path::PathBuf;

/// The names of the models that NVFLARE's persistor keeps.
const MODELS: [&str; 2] = ["FL_global_model.pt", "best_FL_global_model.pt"];

/// Finds the models that the engine's persistor has written.
pub(super) struct StandInPersistor {
    /// The job's folder.
    job: PathBuf,
    /// The folders in it where models may be, relative to it.
    folders: Vec<String>,
}

impl StandInPersistor {
    /// One that looks into the app's folder, first where `APP_CKPT_DIR` says.
    pub(super) fn new(job: PathBuf, app: &str, checkpoints: Option<&str>) -> Self {
        let inner = checkpoints.map(|inner| format!("{app}/{inner}"));
        Self { job, folders: inner.into_iter().chain([app.to_owned()]).collect() }
    }

    /// The file name and the location of each model, relative to the job's folder.
    pub(super) fn inventory(&self) -> Vec<(String, String)> {
        let found = MODELS.iter().filter_map(|model| {
            let locations = self.folders.iter().map(|folder| format!("{folder}/{model}"));
            let location = locations.into_iter().find(|location| self.job.join(location).is_file())?;
            Some(((*model).to_owned(), location))
        });
        found.collect()
    }
}
