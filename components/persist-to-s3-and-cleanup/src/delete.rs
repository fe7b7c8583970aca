//! Deleting what may not be there.

use flip_sdk::Error;

use crate::Host;

/// Deletes what is at `path`, if anything is. On a developer's machine it only says so.
pub(crate) fn delete<H: Host>(host: &H, directory: &H::Directory, path: &str) -> Result<(), Error> {
    match host.kind(directory, path) {
        Ok(_) => host.info(&format!("deleting {path}")),
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    }
    if host.local_dev() {
        host.info("local dev: it stays");
        return Ok(());
    }
    match host.remove(directory, path) {
        Ok(_) | Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
