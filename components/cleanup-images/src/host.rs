//! What the clean-up needs of its host.

use flip_sdk::Error;
use flip_sdk::cleanup::Tally;
use flip_sdk::storage::Root;

/// The host, during one task.
pub trait Host {
    /// An open directory.
    type Directory;

    /// Whether nothing may be deleted.
    fn local_dev(&self) -> bool;

    /// The job that the task belongs to.
    fn job_id(&self) -> String;

    /// Opens a directory.
    ///
    /// # Errors
    ///
    /// It is not granted or not there.
    fn open(&self, root: Root) -> Result<Self::Directory, Error>;

    /// Deletes a whole tree.
    ///
    /// # Errors
    ///
    /// Those of the host; a part may be gone.
    fn remove(&self, directory: &Self::Directory, path: &str) -> Result<Tally, Error>;

    /// Deletes everything inside.
    ///
    /// # Errors
    ///
    /// Those of the host; a part may be gone.
    fn clear(&self, directory: &Self::Directory) -> Result<Tally, Error>;

    /// A line about ordinary work.
    fn info(&self, line: &str);

    /// A line about something that failed.
    fn error(&self, line: &str);

    /// A figure of this call.
    fn gauge(&self, name: &str, value: f64);
}
