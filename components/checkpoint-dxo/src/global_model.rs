//! A job's global model, as PTModelLocator and InitialPTModelLocator look for it.

use std::fmt;

use flip_sdk::storage::{self, Root};
use flip_sdk::{Dxo, Error, log};

use crate::{Args, CheckpointFile, ExcludeVars, ModelName, text_of};

/// The one name that these locators answer: the server owns the global model.
const SERVER: &str = "server";

/// Where a model may lie.
pub struct Place {
    /// The granted directory.
    pub root: Root,
    /// The path below it.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = match self.root {
            Root::Job => "job",
            Root::App => "app",
            Root::Workspace => "workspace",
            Root::Images => "images",
            Root::Safehouse => "safehouse",
            Root::Checkpoints => "checkpoints",
        };
        write!(f, "{root}/{}", self.path)
    }
}

/// A locator of the global model.
pub struct GlobalModel {
    exclude: ExcludeVars,
    model: ModelName,
}

impl From<Args> for GlobalModel {
    fn from(args: Args) -> Self {
        Self { exclude: args.exclude_vars, model: args.model }
    }
}

impl GlobalModel {
    /// The file's name, as NVFLARE's persistor gives it.
    pub const FILE: &str = "FL_global_model.pt";

    /// The names that [`Self::locate`] answers.
    pub fn names(&self) -> Vec<String> {
        vec![SERVER.to_owned()]
    }

    /// The model in the first of these places that has one. What goes wrong is a line in the log, and none: a
    /// later place is no substitute for a model that is there and broken.
    ///
    /// # Errors
    ///
    /// `aborted` alone: that is nothing about the model.
    pub fn locate(&self, name: Option<&str>, places: &[Place]) -> Result<Option<Dxo>, Error> {
        if name != Some(SERVER) {
            log::error(&format!("no model is called {:?}: the only name is {SERVER:?}", name.unwrap_or("")));
            return Ok(None);
        }
        let mut missing = Vec::new();
        for place in places {
            match self.read(place) {
                Ok(dxo) => return Ok(Some(dxo)),
                Err(Error::Aborted) => return Err(Error::Aborted),
                Err(Error::NotFound(_)) => missing.push(place.to_string()),
                Err(error) => {
                    log::error(&format!("{SERVER}: {place} cannot be read: {}", text_of(&error)));
                    return Ok(None);
                }
            }
        }
        log::error(&format!("{SERVER}: there is no {}", missing.join(" and no ")));
        Ok(None)
    }

    fn read(&self, place: &Place) -> Result<Dxo, Error> {
        let directory = storage::open(place.root)?;
        let dxo = CheckpointFile::open(&directory, &place.path)?.model(&self.exclude)?;
        log::info(&format!("{SERVER}: {} tensors of {} from {place}", dxo.names().len(), self.model));
        Ok(dxo)
    }
}
