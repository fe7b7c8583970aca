//! What the run left behind in the server's workspace.

use flip_sdk::Error;
use flip_sdk::storage::Root;
use job_names::ModelId;

use crate::Host;
use crate::delete::delete;

/// The directories of the workspace that hold one directory for each model.
const PARENTS: [&str; 2] = ["save", "transfer"];

/// Deletes this model's directories, and tries each of them.
///
/// # Errors
///
/// The first; every one is logged.
pub(crate) fn cleanup<H: Host>(host: &H, model_id: &ModelId) -> Result<(), Error> {
    let workspace = match host.open(Root::Workspace) {
        Ok(workspace) => workspace,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => {
            host.error(&format!("nothing is cleaned up: {}", error.describe()));
            return Err(error);
        }
    };
    let mut outcome = Ok(());
    for parent in PARENTS {
        let path = format!("{parent}/{model_id}");
        if let Err(error) = delete(host, &workspace, &path) {
            host.error(&format!("{path} was not deleted: {}", error.describe()));
            outcome = outcome.and(Err(error));
        }
    }
    outcome
}
