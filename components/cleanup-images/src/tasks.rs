//! What each task deletes.

use bytesize::ByteSize;
use flip_sdk::cleanup::Tally;
use flip_sdk::storage::Root;
use flip_sdk::{Error, ReturnCode};
use job_names::path_part;

use crate::Host;

/// What becomes of a task.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub code: ReturnCode,
    /// What went wrong.
    pub exception: Option<String>,
}

impl Answer {
    fn new(code: ReturnCode) -> Self {
        Self { code, exception: None }
    }
}

/// Carries out one task.
pub fn execute<H: Host>(host: &H, task: &str) -> Answer {
    let job_too = match task {
        "init_training" | "init_task" => false,
        "post_validation" | "post_task" => true,
        _ => return Answer::new(ReturnCode::TaskUnknown),
    };
    let mut bytes = 0;
    let job = if job_too { delete_job(host, &mut bytes) } else { Ok(()) };
    // A job folder that stays is no reason to keep images of patients; an abort is.
    let images = match &job {
        Err(Error::Aborted) => Ok(()),
        _ => delete_images(host, &mut bytes),
    };
    host.gauge("bytes-freed", bytes as f64);
    match (job, images) {
        (Ok(()), Ok(())) => Answer::new(ReturnCode::Ok),
        (Err(Error::Aborted), _) | (_, Err(Error::Aborted)) => {
            host.info("the clean-up was aborted");
            Answer::new(ReturnCode::TaskAborted)
        }
        (Err(error), _) | (_, Err(error)) => {
            let text = error.describe();
            host.error(&format!("the clean-up failed: {text}"));
            Answer { code: ReturnCode::ExecutionException, exception: Some(text) }
        }
    }
}

fn delete_job<H: Host>(host: &H, bytes: &mut u64) -> Result<(), Error> {
    let id = host.job_id();
    let path = path_part(&id)?;
    delete(host, &format!("the folder of job {path}"), bytes, || {
        host.remove(&host.open(Root::Workspace)?, path)
    })
}

fn delete_images<H: Host>(host: &H, bytes: &mut u64) -> Result<(), Error> {
    delete(host, "the images", bytes, || host.clear(&host.open(Root::Images)?))
}

/// Deletes what may not be there, and says how much it was. On a developer's machine it only says what
/// it would delete.
fn delete<H: Host>(
    host: &H,
    what: &str,
    bytes: &mut u64,
    deletion: impl FnOnce() -> Result<Tally, Error>,
) -> Result<(), Error> {
    if host.local_dev() {
        host.info(&format!("local dev: {what} would be deleted"));
        return Ok(());
    }
    match deletion() {
        Ok(tally) => {
            let size = ByteSize(tally.bytes).display().iec();
            let (files, s) = (tally.files, if tally.files == 1 { "" } else { "s" });
            host.info(&format!("deleted {what}: {size} in {files} file{s} freed"));
            *bytes = bytes.saturating_add(tally.bytes);
            Ok(())
        }
        Err(Error::NotFound(_)) => {
            host.info(&format!("{what}: nothing is there"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}
