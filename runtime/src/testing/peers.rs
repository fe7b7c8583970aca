//! Other components of the job, that answer as a test says.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::context::FlContext;
use crate::error::Error;
use crate::services::{
    Caller, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor, ServiceError,
};

/// Another component of the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Peer {
    /// One that gathers results.
    ResultsGenerator {
        /// What it answers when it is asked whether every task failed.
        all_tasks_failed: bool,
    },
    /// One that uploads results.
    ResultsPersistor {
        /// Why it fails; none where all goes well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fails: Option<String>,
    },
    /// What the engine keeps the model with.
    ModelPersistor {
        /// The file name and the location of each model.
        inventory: Vec<(String, String)>,
    },
}

impl Peer {
    fn role(&self) -> &'static str {
        match self {
            Self::ResultsGenerator { .. } => "results-generator",
            Self::ResultsPersistor { .. } => "results-persistor",
            Self::ModelPersistor { .. } => "model-persistor",
        }
    }
}

/// The other components, by their ids.
#[derive(Clone, Debug, Default)]
pub struct TestPeers(BTreeMap<String, Peer>);

impl TestPeers {
    /// Adds one.
    pub fn add(&mut self, id: &str, peer: Peer) {
        self.0.insert(id.to_owned(), peer);
    }

    fn find(&self, id: &str, role: &str) -> Result<Arc<Peer>, LookupError> {
        let peer = self.0.get(id).ok_or(LookupError::NotFound)?;
        match peer.role() == role {
            true => Ok(Arc::new(peer.clone())),
            false => Err(LookupError::WrongRole(format!("a {}", peer.role()))),
        }
    }
}

impl Peers for TestPeers {
    fn results_generator(&self, id: &str) -> Result<Arc<dyn ResultsGenerator>, LookupError> {
        Ok(self.find(id, "results-generator")?)
    }

    fn results_persistor(&self, id: &str) -> Result<Arc<dyn ResultsPersistor>, LookupError> {
        Ok(self.find(id, "results-persistor")?)
    }

    fn model_persistor(&self, id: &str) -> Result<Arc<dyn ModelPersistor>, LookupError> {
        Ok(self.find(id, "model-persistor")?)
    }
}

impl ResultsGenerator for Peer {
    fn handle_evaluation_event(&self, _: &str, _: Caller<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn all_tasks_failed(&self, _: Caller<'_>) -> Result<bool, Error> {
        Ok(matches!(self, Self::ResultsGenerator { all_tasks_failed: true }))
    }
}

impl ResultsPersistor for Peer {
    fn execute(&self, _: Caller<'_>) -> Result<(), Error> {
        match self {
            Self::ResultsPersistor { fails: Some(why) } => {
                Err(Error::Service(ServiceError::Unavailable(why.clone())))
            }
            _ => Ok(()),
        }
    }
}

impl ModelPersistor for Peer {
    fn model_inventory(&self, _: &FlContext) -> Result<Vec<(String, String)>, Error> {
        match self {
            Self::ModelPersistor { inventory } => Ok(inventory.clone()),
            _ => Ok(Vec::new()),
        }
    }
}
