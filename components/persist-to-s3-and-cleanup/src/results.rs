//! The job folder: what of it are results, and how they get to the object store.

use flip_sdk::Error;
use flip_sdk::storage::{EntryKind, Root};
use job_names::ModelId;

use crate::delete::delete;
use crate::{Host, key};

/// The model that the training ended with.
const MODEL: &str = "FL_global_model.pt";
/// The best one on the way there, where the job selects one.
const BEST_MODEL: &str = "best_FL_global_model.pt";
/// The app's folder. Only what is moved out of it is a result.
const APP: &str = "app_server";
/// Where a model persistor can keep the model: with FLIP's environment for jobs, and without.
const MODEL_DIRECTORIES: [&str; 2] = ["app_server/model", "app_server"];
/// Code that results are hard to read without.
const CODE: (&str, [&str; 2]) = ("app_server/custom", ["trainer.py", "validator.py"]);
/// The models that sites validated: inputs, which their owners have, and large.
const VALIDATED_MODELS: &str = "cross_site_val/model_shareables";

/// The directory of the job folder where the model is, as an inventory tells.
pub(crate) fn model_directory<H: Host>(host: &H, inventory: &[(String, String)]) -> Option<String> {
    let Some((_, location)) = inventory.iter().find(|(name, _)| name == MODEL) else {
        host.warning(&format!(
            "the model persistor knows of no {MODEL}; what there is of results is uploaded"
        ));
        return None;
    };
    host.info(&format!("{MODEL} is at {location}"));
    // Wherever it is in the app's folder: all of that is deleted.
    let parts: Vec<_> = location.strip_suffix(MODEL)?.strip_suffix('/')?.split('/').collect();
    let app = parts.iter().rposition(|part| *part == APP)?;
    Some(parts.get(app..)?.join("/"))
}

/// Moves the results to the top of the job folder, deletes what is none, and uploads the rest.
/// `told` is where the inventory saw the model.
///
/// # Errors
///
/// The first failure. Results are never deleted, and all of it can be done again.
pub(crate) fn upload<H: Host>(host: &H, model_id: &ModelId, told: Option<&str>) -> Result<(), Error> {
    let job = host.open(Root::Job)?;
    let [with_environment, without] = MODEL_DIRECTORIES;
    let usual = if host.local_dev() { without } else { with_environment };
    let mut models = usual;
    for directory in told.into_iter().chain([usual]).chain(MODEL_DIRECTORIES) {
        if is_result(host, &job, &format!("{directory}/{MODEL}"))? {
            models = directory;
            break;
        }
    }
    let (code, scripts) = CODE;
    let results = [(models, MODEL), (models, BEST_MODEL)].into_iter().chain(scripts.map(|name| (code, name)));
    for (directory, name) in results {
        let path = format!("{directory}/{name}");
        if is_result(host, &job, &path)? {
            // What the training starts from lies there too: it must not take the place of what an earlier
            // attempt has moved.
            if directory == without && !host.local_dev() && is_result(host, &job, name)? {
                return Err(Error::InvalidData(format!("{path} and {name} are both in the job folder")));
            }
            host.info(&format!("moving {path} into the job folder"));
            host.rename(&job, &path, name)?;
        }
    }
    // Every result is out of it, or an error has ended this.
    delete(host, &job, APP)?;
    delete(host, &job, VALIDATED_MODELS)?;

    let key = key::archive(model_id, host.now())?;
    host.info(&format!("uploading the job folder as {key}"));
    if host.local_dev() {
        host.info("local dev: nothing is uploaded");
        return Ok(());
    }
    let size = host.put_archive(&key, &job)?;
    host.gauge("bytes-uploaded", size as f64);
    Ok(())
}

/// Whether a result is at `path`. What is there and is no plain file cannot be moved to safety: a link
/// may point into the folder that is deleted next.
fn is_result<H: Host>(host: &H, job: &H::Directory, path: &str) -> Result<bool, Error> {
    match host.kind(job, path) {
        Ok(EntryKind::File) => Ok(true),
        Ok(_) => Err(Error::InvalidData(format!("{path} is no plain file"))),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
