//! The order of things.

use flip_sdk::Error;
use job_names::{ModelId, no_such_peer};

use crate::{Host, cleanup, results};

const UPLOAD_STARTED: &str = "_results_upload_started";
const UPLOAD_COMPLETED: &str = "_results_upload_completed";

/// The args of the job's configuration.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The model's id at the hub.
    pub model_id: String,
    /// What the engine keeps the model with.
    #[serde(default = "persistor")]
    pub persistor_id: String,
}

fn persistor() -> String {
    "persistor".to_owned()
}

/// The persistor, configured.
pub struct PersistToS3AndCleanup {
    model_id: ModelId,
    persistor_id: String,
    /// Where the inventory saw the model.
    model_directory: Option<String>,
}

impl PersistToS3AndCleanup {
    /// Checks the args.
    ///
    /// # Errors
    ///
    /// `invalid-argument` where the model id is no UUID.
    pub fn new(args: Args) -> Result<Self, Error> {
        Ok(Self {
            model_id: ModelId::new(args.model_id)?,
            persistor_id: args.persistor_id,
            model_directory: None,
        })
    }

    /// Uploads, then cleans up, with the events around it.
    ///
    /// # Errors
    ///
    /// The results are not safe, or something is left behind.
    pub fn execute<H: Host>(&mut self, host: &H) -> Result<(), Error> {
        let persistor = host.model_persistor(&self.persistor_id).map_err(|error| {
            let reason = no_such_peer("persistor_id", &self.persistor_id, "model persistor", &error);
            host.system_panic(&reason);
            // The caller hears of it now; the event of the panic reaches it when it has returned.
            Error::InvalidArgument(reason)
        })?;
        self.model_directory = match host.model_inventory(&persistor) {
            Ok(inventory) => results::model_directory(host, &inventory),
            Err(error) => {
                host.warning(&format!("the model persistor has no inventory: {}", error.describe()));
                None
            }
        };
        fire(host, UPLOAD_STARTED);
        self.upload(host)?;
        fire(host, UPLOAD_COMPLETED);
        self.cleanup(host)
    }

    /// The upload alone; where it fails, the clean-up too.
    ///
    /// # Errors
    ///
    /// What kept the results from being safe. They are in the job folder.
    pub fn upload<H: Host>(&self, host: &H) -> Result<(), Error> {
        results::upload(host, &self.model_id, self.model_directory.as_deref()).inspect_err(|error| {
            host.error(&format!("the results stay in the job folder: {}", error.describe()));
            // It logs its own failures; the caller must learn of this one.
            let _ = self.cleanup(host);
        })
    }

    /// The clean-up alone.
    ///
    /// # Errors
    ///
    /// The first failure; everything is tried.
    pub fn cleanup<H: Host>(&self, host: &H) -> Result<(), Error> {
        cleanup::cleanup(host, &self.model_id)
    }
}

/// Others may wait for these events; the results do not wait for them.
fn fire<H: Host>(host: &H, event_type: &str) {
    if let Err(error) = host.fire(event_type) {
        host.error(&format!("{event_type} was not fired: {}", error.describe()));
    }
}
