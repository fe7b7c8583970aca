//! The interface `peers`: other components of the same job.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource};

use super::call::{CallCtx, caught};
use super::context::SharedContext;
use super::grants::GrantsCtx;
use super::{Failure, Table, open};
use crate::bindings::flip::fl::peers::{
    Host, HostModelPersistor, HostResultsGenerator, HostResultsPersistor, LookupError as Answer,
};
use crate::bindings::flip::fl::types::{Error, Host as TypesHost};
use crate::policy::PeerRole;
use crate::services::{Caller, LookupError, ModelPersistor, Peers, ResultsGenerator, ResultsPersistor};

/// What a handle of resource `results-generator` stands for.
pub type ResultsGeneratorPeer = Arc<dyn ResultsGenerator>;
/// What a handle of resource `results-persistor` stands for.
pub type ResultsPersistorPeer = Arc<dyn ResultsPersistor>;
/// What a handle of resource `model-persistor` stands for.
pub type ModelPersistorPeer = Arc<dyn ModelPersistor>;

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

type Lookup<T> = wasmtime::Result<Result<Resource<T>, Answer>>;

impl PeersView<'_> {
    fn find<T: Send + 'static>(
        &mut self,
        role: PeerRole,
        find: impl FnOnce(&dyn Peers) -> Result<T, LookupError>,
    ) -> Lookup<T> {
        if let Err(line) = self.grants.peer(role) {
            return Ok(Err(Answer::NotPermitted(line)));
        }
        // Nobody is found by who panics.
        let found = self.peers.and_then(|peers| caught(|| find(&**peers)).ok());
        let found = found.unwrap_or(Err(LookupError::NotFound));
        match found {
            Ok(peer) => Ok(Ok(open(self.table, peer).map_err(Failure::into_trap)?)),
            Err(LookupError::NotFound) => Ok(Err(Answer::NotFound)),
            Err(LookupError::WrongRole(role)) => Ok(Err(Answer::WrongRole(role))),
        }
    }

    fn answer<T>(&self, ask: impl FnOnce() -> Result<T, crate::Error>) -> Result<T, Failure> {
        let answer = caught(ask).map_err(|error| self.call.service_failure(error))?;
        answer.map_err(|error| Failure::Typed(error.into_answer()))
    }

    /// Who calls: this component, on behalf of the context that it passes on.
    fn caller<'a>(&'a self, context: &'a SharedContext) -> Caller<'a> {
        Caller { context, ..self.call.caller() }
    }
}

impl TypesHost for PeersView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for PeersView<'_> {
    fn get_results_generator(&mut self, id: String) -> Lookup<ResultsGeneratorPeer> {
        self.find(PeerRole::ResultsGenerator, |peers| peers.results_generator(&id))
    }

    fn get_results_persistor(&mut self, id: String) -> Lookup<ResultsPersistorPeer> {
        self.find(PeerRole::ResultsPersistor, |peers| peers.results_persistor(&id))
    }

    fn get_model_persistor(&mut self, id: String) -> Lookup<ModelPersistorPeer> {
        self.find(PeerRole::ModelPersistor, |peers| peers.model_persistor(&id))
    }
}

impl HostResultsGenerator for PeersView<'_> {
    fn handle_evaluation_event(
        &mut self,
        peer: Resource<ResultsGeneratorPeer>,
        event_type: String,
        context: Resource<SharedContext>,
    ) -> Result<(), Failure> {
        self.call.check()?;
        let (peer, context) = (self.table.get(&peer)?, self.table.get(&context)?);
        self.answer(|| peer.handle_evaluation_event(&event_type, self.caller(context)))
    }

    fn all_tasks_failed(&mut self, peer: Resource<ResultsGeneratorPeer>) -> wasmtime::Result<bool> {
        let peer = self.table.get(&peer)?;
        // A generator that does not answer has no results to show.
        Ok(self.answer(|| peer.all_tasks_failed(self.call.caller())).unwrap_or(true))
    }

    fn drop(&mut self, peer: Resource<ResultsGeneratorPeer>) -> wasmtime::Result<()> {
        self.table.delete(peer)?;
        Ok(())
    }
}

impl HostResultsPersistor for PeersView<'_> {
    fn execute(
        &mut self,
        peer: Resource<ResultsPersistorPeer>,
        context: Resource<SharedContext>,
    ) -> Result<(), Failure> {
        self.call.check()?;
        let (peer, context) = (self.table.get(&peer)?, self.table.get(&context)?);
        self.answer(|| peer.execute(self.caller(context)))
    }

    fn drop(&mut self, peer: Resource<ResultsPersistorPeer>) -> wasmtime::Result<()> {
        self.table.delete(peer)?;
        Ok(())
    }
}

impl HostModelPersistor for PeersView<'_> {
    fn model_inventory(
        &mut self,
        peer: Resource<ModelPersistorPeer>,
        context: Resource<SharedContext>,
    ) -> Result<Vec<(String, String)>, Failure> {
        self.call.check()?;
        let (peer, context) = (self.table.get(&peer)?, self.table.get(&context)?);
        self.answer(|| peer.model_inventory(context))
    }

    fn drop(&mut self, peer: Resource<ModelPersistorPeer>) -> wasmtime::Result<()> {
        self.table.delete(peer)?;
        Ok(())
    }
}
