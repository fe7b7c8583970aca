//! What the upload and the clean-up need of their host.

use std::time::SystemTime;

use flip_sdk::Error;
use flip_sdk::cleanup::Tally;
use flip_sdk::peers::LookupError;
use flip_sdk::storage::{EntryKind, Root};

/// The host, during one call.
pub trait Host {
    /// An open directory.
    type Directory;
    /// What the engine keeps the model with.
    type ModelPersistor;

    /// Whether nothing may be uploaded or deleted.
    fn local_dev(&self) -> bool;

    /// The time.
    fn now(&self) -> SystemTime;

    /// Looks up the model persistor of this id.
    ///
    /// # Errors
    ///
    /// The id does not lead to one.
    fn model_persistor(&self, id: &str) -> Result<Self::ModelPersistor, LookupError>;

    /// The file name and the location of each model.
    ///
    /// # Errors
    ///
    /// Those of the persistor.
    fn model_inventory(&self, persistor: &Self::ModelPersistor) -> Result<Vec<(String, String)>, Error>;

    /// Fires an event.
    ///
    /// # Errors
    ///
    /// It was not fired.
    fn fire(&self, event_type: &str) -> Result<(), Error>;

    /// Ends the run.
    fn system_panic(&self, reason: &str);

    /// Opens a directory.
    ///
    /// # Errors
    ///
    /// It is not granted or not there.
    fn open(&self, root: Root) -> Result<Self::Directory, Error>;

    /// What is at `path`; a link is not followed.
    ///
    /// # Errors
    ///
    /// `not-found` where nothing is.
    fn kind(&self, directory: &Self::Directory, path: &str) -> Result<EntryKind, Error>;

    /// Moves a file within a directory, in the place of one that is there.
    ///
    /// # Errors
    ///
    /// Those of the host; the file is where it was then.
    fn rename(&self, directory: &Self::Directory, from: &str, to: &str) -> Result<(), Error>;

    /// Deletes a file or a whole tree.
    ///
    /// # Errors
    ///
    /// Those of the host; a part may be gone.
    fn remove(&self, directory: &Self::Directory, path: &str) -> Result<Tally, Error>;

    /// Uploads a whole directory as one archive; returns its size in bytes.
    ///
    /// # Errors
    ///
    /// Those of the host; nothing is stored then.
    fn put_archive(&self, key: &str, directory: &Self::Directory) -> Result<u64, Error>;

    /// A line about ordinary work.
    fn info(&self, line: &str);

    /// A line about something that the operator may want to change.
    fn warning(&self, line: &str);

    /// A line about something that failed.
    fn error(&self, line: &str);

    /// A figure of this call.
    fn gauge(&self, name: &str, value: f64);
}
