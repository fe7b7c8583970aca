//! The interface `peers`, noted.

use wasmtime::component::Resource;

use super::{Audited, end, end_told};
use crate::audit::{Function, Outcome};
use crate::bindings::flip::fl::peers::{
    Host, HostModelPersistor, HostResultsGenerator, HostResultsPersistor, LookupError,
};
use crate::host::Failure;
use crate::host::context::SharedContext;
use crate::host::peers::{
    Lookup, ModelPersistorPeer, Peer, PeersView, ResultsGeneratorPeer, ResultsPersistorPeer,
};

type View<'a> = Audited<'a, PeersView<'a>>;

impl PeersView<'_> {
    /// What a handle stands for, by its id.
    fn id<T: ?Sized + Send + Sync + 'static>(&self, peer: &Resource<Peer<T>>) -> String {
        self.table.get(peer).map_or_else(|_| String::new(), |peer| peer.id.to_string())
    }
}

impl<'a> View<'a> {
    fn look_up<T>(
        &mut self,
        function: Function,
        id: &str,
        find: impl FnOnce(&mut PeersView<'a>) -> Lookup<T>,
    ) -> Lookup<T> {
        let noting = match self.begin(function, |_| (id.to_owned(), None)) {
            Ok(noting) => noting,
            // An answer that a lookup has not.
            Err(failure) => return failure.into_typed().map(|_| Err(LookupError::NotFound)),
        };
        let found = find(&mut self.view);
        if let Some(mut noting) = noting {
            let outcome = match &found {
                Ok(Ok(_)) => Outcome::Ok,
                Ok(Err(LookupError::NotFound)) => Outcome::NotFound,
                Ok(Err(LookupError::WrongRole(_))) => Outcome::InvalidArgument,
                Ok(Err(LookupError::NotPermitted(_))) => Outcome::NotPermitted,
                Err(_) => Outcome::Trapped,
            };
            noting.ended(outcome, &[]).map_err(|error| wasmtime::Error::msg(error.to_string()))?;
        }
        found
    }
}

impl Host for View<'_> {
    fn get_results_generator(&mut self, id: String) -> Lookup<ResultsGeneratorPeer> {
        self.look_up(Function::GetResultsGenerator, &id, |view| view.results_generator(&id))
    }

    fn get_results_persistor(&mut self, id: String) -> Lookup<ResultsPersistorPeer> {
        self.look_up(Function::GetResultsPersistor, &id, |view| view.results_persistor(&id))
    }

    fn get_model_persistor(&mut self, id: String) -> Lookup<ModelPersistorPeer> {
        self.look_up(Function::GetModelPersistor, &id, |view| view.model_persistor(&id))
    }
}

impl HostResultsGenerator for View<'_> {
    fn handle_evaluation_event(
        &mut self,
        peer: Resource<ResultsGeneratorPeer>,
        event_type: String,
        context: Resource<SharedContext>,
    ) -> Result<(), Failure> {
        let touched = |view: &PeersView<'_>| (format!("{} {event_type}", view.id(&peer)), None);
        let noting = self.begin(Function::HandleEvaluationEvent, touched)?;
        end(noting, self.view.handle_evaluation_event(&peer, &event_type, &context), |_, ()| {})
    }

    fn all_tasks_failed(&mut self, peer: Resource<ResultsGeneratorPeer>) -> wasmtime::Result<bool> {
        let answer = self.begin(Function::AllTasksFailed, |view| (view.id(&peer), None));
        let answer = answer.and_then(|noting| end(noting, self.view.all_tasks_failed(&peer), |_, _| {}));
        // A generator that does not answer has no results to show.
        answer.or_else(|failure| failure.into_typed().map(|_| true))
    }

    fn drop(&mut self, peer: Resource<ResultsGeneratorPeer>) -> wasmtime::Result<()> {
        self.view.table.delete(peer)?;
        Ok(())
    }
}

impl HostResultsPersistor for View<'_> {
    fn execute(
        &mut self,
        peer: Resource<ResultsPersistorPeer>,
        context: Resource<SharedContext>,
    ) -> Result<(), Failure> {
        let noting = self.begin(Function::Execute, |view| (view.id(&peer), None))?;
        end(noting, self.view.execute(&peer, &context), |_, ()| {})
    }

    fn drop(&mut self, peer: Resource<ResultsPersistorPeer>) -> wasmtime::Result<()> {
        self.view.table.delete(peer)?;
        Ok(())
    }
}

impl HostModelPersistor for View<'_> {
    async fn model_inventory(
        &mut self,
        peer: Resource<ModelPersistorPeer>,
        context: Resource<SharedContext>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let noting = self.begin(Function::ModelInventory, |view| (view.id(&peer), None))?;
        end_told(noting, self.view.model_inventory(&peer, &context).await, |models| {
            models.iter().map(|(name, place)| format!("{name} {place}\n")).collect()
        })
    }

    fn drop(&mut self, peer: Resource<ModelPersistorPeer>) -> wasmtime::Result<()> {
        self.view.table.delete(peer)?;
        Ok(())
    }
}
