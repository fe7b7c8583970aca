//! The interface `peers`: other components of the same job.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource};

use super::call::{CallCtx, caught};
use super::context::SharedContext;
use super::events::check_event_type;
use super::grants::GrantsCtx;
use super::{Failure, Table, open};
use crate::bindings::flip::fl::peers::LookupError as Answer;
use crate::policy::PeerRole;
use crate::services::{Caller, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor};

/// What a handle of a component stands for.
pub struct Peer<T: ?Sized> {
    /// Its id in the job.
    pub(crate) id: Arc<str>,
    does: Arc<T>,
}

/// What a handle of resource `results-generator` stands for.
pub type ResultsGeneratorPeer = Peer<dyn ResultsGenerator>;
/// What a handle of resource `results-persistor` stands for.
pub type ResultsPersistorPeer = Peer<dyn ResultsPersistor>;
/// What a handle of resource `model-persistor` stands for.
pub type ModelPersistorPeer = Peer<dyn ModelPersistor>;

pub(crate) struct HasPeers;

impl HasData for HasPeers {
    type Data<'a> = PeersView<'a>;
}

pub(crate) struct PeersView<'a> {
    pub(crate) call: &'a CallCtx,
    pub(crate) grants: &'a GrantsCtx,
    pub(crate) peers: Option<&'a Arc<dyn Peers>>,
    pub(crate) table: &'a mut Table,
}

pub(crate) type Lookup<T> = wasmtime::Result<Result<Resource<T>, Answer>>;

impl PeersView<'_> {
    fn find<T: ?Sized + Send + Sync + 'static>(
        &mut self,
        role: PeerRole,
        id: &str,
        find: impl FnOnce(&dyn Peers) -> Result<Arc<T>, LookupError>,
    ) -> Lookup<Peer<T>> {
        if let Err(line) = self.grants.peer(role) {
            return Ok(Err(Answer::NotPermitted(line)));
        }
        // Nobody is found by who panics.
        let found = self.peers.and_then(|peers| caught(|| find(&**peers)).ok());
        let found = found.unwrap_or(Err(LookupError::NotFound));
        match found {
            Ok(does) => {
                let peer = open(self.table, Peer { id: id.into(), does });
                Ok(Ok(peer.map_err(Failure::into_trap)?))
            }
            Err(LookupError::NotFound) => Ok(Err(Answer::NotFound)),
            Err(LookupError::WrongRole(role)) => Ok(Err(Answer::WrongRole(role))),
        }
    }

    fn answer<T>(&self, ask: impl FnOnce() -> Result<T, crate::Error>) -> Result<T, Failure> {
        let answer = self.call.aside(|| caught(ask)).map_err(|error| self.call.service_failure(error))?;
        answer.map_err(|error| Failure::Typed(error.into_answer()))
    }

    /// Who calls: this component, on behalf of the context that it passes on.
    fn caller<'a>(&'a self, context: &'a SharedContext) -> Caller<'a> {
        Caller { context, ..self.call.caller() }
    }

    pub(crate) fn results_generator(&mut self, id: &str) -> Lookup<ResultsGeneratorPeer> {
        self.find(PeerRole::ResultsGenerator, id, |peers| peers.results_generator(id))
    }

    pub(crate) fn results_persistor(&mut self, id: &str) -> Lookup<ResultsPersistorPeer> {
        self.find(PeerRole::ResultsPersistor, id, |peers| peers.results_persistor(id))
    }

    pub(crate) fn model_persistor(&mut self, id: &str) -> Lookup<ModelPersistorPeer> {
        self.find(PeerRole::ModelPersistor, id, |peers| peers.model_persistor(id))
    }

    pub(crate) fn handle_evaluation_event(
        &self,
        peer: &Resource<ResultsGeneratorPeer>,
        event_type: &str,
        context: &Resource<SharedContext>,
    ) -> Result<(), Failure> {
        self.call.check()?;
        check_event_type(event_type)?;
        let (peer, context) = (self.table.get(peer)?, self.table.get(context)?);
        self.answer(|| peer.does.handle_evaluation_event(event_type, self.caller(context)))
    }

    pub(crate) fn all_tasks_failed(&self, peer: &Resource<ResultsGeneratorPeer>) -> Result<bool, Failure> {
        // After an abort it is still told: what the hub is told at the end depends on it.
        if self.call.is_late() {
            return Err(Failure::Trap(self.call.deadline.reached.into()));
        }
        let peer = self.table.get(peer)?;
        self.answer(|| peer.does.all_tasks_failed(self.call.caller()))
    }

    pub(crate) fn execute(
        &self,
        peer: &Resource<ResultsPersistorPeer>,
        context: &Resource<SharedContext>,
    ) -> Result<(), Failure> {
        self.call.check()?;
        let (peer, context) = (self.table.get(peer)?, self.table.get(context)?);
        self.answer(|| peer.does.execute(self.caller(context)))
    }

    /// Not another component's work: the engine looks into the job's folder.
    pub(crate) async fn model_inventory(
        &mut self,
        peer: &Resource<ModelPersistorPeer>,
        context: &Resource<SharedContext>,
    ) -> Result<Vec<(String, String)>, Failure> {
        self.call.check()?;
        let (does, context) = (self.table.get(peer)?.does.clone(), self.table.get(context)?.clone());
        let look = self.call.serve(false, move |_| Ok(does.model_inventory(&context)));
        let inventory = look.await.map_err(|error| self.call.service_failure(error))?;
        inventory.map_err(|error| Failure::Typed(error.into_answer()))
    }
}
