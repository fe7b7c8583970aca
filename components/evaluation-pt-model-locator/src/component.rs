//! The component: the collection is made once, and handed out as copies that share its data.

use checkpoint_dxo::{Args, CheckpointFile, ExcludeVars, text_of};
use flip_sdk::storage::{self, Directory, Root};
use flip_sdk::{Configurable, DataKind, Dxo, Error, FlContext, ModelLocator, events, log};

use crate::config::{MAX_CONFIG, models};
use crate::manifest::{MAX_MANIFEST, Manifest};

const CONFIG: &str = "custom/config.json";
/// NVFLARE's event of an error in the log.
const ERROR_LOGGED: &str = "_error_log_available";

struct EvaluationPTModelLocator {
    exclude: ExcludeVars,
    collection: Option<Dxo>,
}

impl Configurable for EvaluationPTModelLocator {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self { exclude: args.exclude_vars, collection: None })
    }
}

impl ModelLocator for EvaluationPTModelLocator {
    fn model_names(&mut self, _: &FlContext) -> Result<Vec<String>, Error> {
        Ok(self.collection()?.members())
    }

    /// The collection, or of it the one member that is named.
    fn locate_model(&mut self, name: Option<&str>, _: &FlContext) -> Result<Option<Dxo>, Error> {
        let collection = self.collection()?;
        let members = collection.members();
        match name {
            Some(name) if members.iter().any(|member| member == name) => collection.member(name).map(Some),
            Some(name) => {
                log::error(&format!("no model is called {name:?}"));
                Ok(None)
            }
            None if members.is_empty() => {
                log::error("there is no model to evaluate");
                Ok(None)
            }
            None => {
                let copy = Dxo::create(DataKind::Collection)?;
                members.iter().try_for_each(|name| copy.set_member(name, collection.member(name)?))?;
                Ok(Some(copy))
            }
        }
    }
}

impl EvaluationPTModelLocator {
    fn collection(&mut self) -> Result<&Dxo, Error> {
        let collection = match self.collection.take() {
            Some(collection) => collection,
            None => self.read()?,
        };
        Ok(self.collection.insert(collection))
    }

    /// Reads every model that can be read. An abort alone ends it: then nothing is kept.
    fn read(&self) -> Result<Dxo, Error> {
        let collection = Dxo::create(DataKind::Collection)?;
        let config = storage::open(Root::App).and_then(|app| Ok((app.read_whole(CONFIG, MAX_CONFIG)?, app)));
        let (models, app) = match config {
            Err(Error::Aborted) => return Err(Error::Aborted),
            Err(error) => {
                report(&format!("{CONFIG} cannot be read: {}", text_of(&error)));
                return Ok(collection);
            }
            Ok((config, app)) => match models(&config) {
                Ok(models) => (models, app),
                Err(problem) => {
                    report(&format!("{CONFIG}: {problem}"));
                    return Ok(collection);
                }
            },
        };
        for (name, checkpoint) in models {
            let model = checkpoint.map_err(Error::InvalidData).and_then(|path| self.model(&app, &path));
            match model.and_then(|model| collection.set_member(&name, model)) {
                Ok(()) => {}
                Err(Error::Aborted) => return Err(Error::Aborted),
                Err(error) => report(&format!("model {name:?} is left out: {}", text_of(&error))),
            }
        }
        log::info(&format!("{} models to evaluate", collection.members().len()));
        Ok(collection)
    }

    /// The model of one checkpoint, where it fits its manifest.
    fn model(&self, app: &Directory, checkpoint: &str) -> Result<Dxo, Error> {
        let path = format!("custom/{checkpoint}");
        let mut file = CheckpointFile::open(app, &path)?;
        let manifest = format!("{path}.manifest.json");
        match app.read_whole(&manifest, MAX_MANIFEST) {
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
            Ok(text) => {
                let invalid = |problem| Error::InvalidData(format!("{manifest}: {problem}"));
                let differences = Manifest::parse(&text).map_err(invalid)?.compare(file.checkpoint());
                if let Some(dtypes) = differences.dtypes {
                    log::warning(&format!("{path}: tensors {dtypes}; they stay so"));
                }
                if let Some(problem) = differences.error {
                    return Err(Error::InvalidData(format!("{path} does not fit its manifest: {problem}")));
                }
            }
        }
        file.model(&self.exclude)
    }
}

/// A line in the log, and NVFLARE's event of it.
fn report(problem: &str) {
    log::error(problem);
    if let Err(error) = events::fire(ERROR_LOGGED) {
        log::warning(&format!("the event {ERROR_LOGGED} was not fired: {}", text_of(&error)));
    }
}

flip_sdk::export!(EvaluationPTModelLocator: model_locator);
