//! What stands in for the FL engine's model persistor where there is no engine.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::paths::ComponentPath;

/// The names of the models that NVFLARE's persistor keeps.
const MODELS: [&str; 2] = ["FL_global_model.pt", "best_FL_global_model.pt"];

/// Finds the models that the engine's persistor has written.
pub(super) struct StandInPersistor {
    /// The app's folder.
    folder: PathBuf,
    /// Its name in the job's folder.
    app: String,
    /// Where in the app's folder models may be.
    places: Vec<ComponentPath>,
}

impl StandInPersistor {
    /// One that looks into the app's folder, first where `APP_CKPT_DIR` says. The job's author writes that:
    /// what leads out of the app's folder, which no configuration that was read says, is no place to look at.
    pub(super) fn new(job: &Path, app: &str, checkpoints: Option<&str>) -> Self {
        let places = checkpoints.into_iter().chain([""]).map(ComponentPath::parse_written);
        Self { folder: job.join(app), app: app.to_owned(), places: places.flatten().collect() }
    }

    /// The file name and the location of each model, relative to the job's folder.
    pub(super) fn inventory(&self) -> Vec<(String, String)> {
        // Whether something lies behind a link out of it is nothing that a component may ask.
        let Ok(folder) = Dir::open_ambient_dir(&self.folder, ambient_authority()) else { return Vec::new() };
        let found = MODELS.iter().filter_map(|model| {
            let paths = self.places.iter().map(|place| match place.is_root() {
                true => (*model).to_owned(),
                false => format!("{}/{model}", place.as_str()),
            });
            let path = paths.into_iter().find(|path| folder.is_file(path))?;
            Some(((*model).to_owned(), format!("{}/{path}", self.app)))
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A job's folder with a model beside it, behind links in it, and in three folders of its app.
    fn job() -> tempfile::TempDir {
        let site = tempfile::tempdir().unwrap();
        for folder in ["outside", "job/outside", "job/app/model", "job/app/other"] {
            let folder = site.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(MODELS[0]), "").unwrap();
        }
        symlink("../../outside", site.path().join("job/app/link")).unwrap();
        symlink(site.path().join("outside"), site.path().join("job/app/straight")).unwrap();
        symlink("other", site.path().join("job/app/inside")).unwrap();
        site
    }

    fn found(site: &tempfile::TempDir, checkpoints: Option<&str>) -> Vec<String> {
        let persistor = StandInPersistor::new(&site.path().join("job"), "app", checkpoints);
        persistor.inventory().into_iter().map(|(_, location)| location).collect()
    }

    #[test]
    fn whether_a_model_lies_outside_of_the_app_is_not_told() {
        let site = job();
        let absolute = site.path().join("outside").display().to_string();
        for folder in [
            "..",
            "../outside",
            "../../outside",
            "model/../../outside",
            &absolute,
            "link",
            "straight",
            "gone",
        ] {
            assert_eq!(found(&site, Some(folder)), [""; 0], "{folder}");
        }
    }

    #[test]
    fn a_model_is_found_in_the_folder_of_models_or_in_the_apps() {
        let site = job();
        for (folder, location) in [
            ("model", "app/model"),
            ("./model/", "app/model"),
            ("model/.", "app/model"),
            ("inside", "app/inside"),
        ] {
            assert_eq!(found(&site, Some(folder)), [format!("{location}/{}", MODELS[0])], "{folder}");
        }
        fs::write(site.path().join("job/app").join(MODELS[1]), "").unwrap();
        for folder in [None, Some(""), Some("."), Some("model")] {
            let best = format!("app/{}", MODELS[1]);
            assert_eq!(found(&site, folder).last(), Some(&best), "{folder:?}");
        }
        assert_eq!(found(&site, Some("model")).len(), 2);
    }
}
