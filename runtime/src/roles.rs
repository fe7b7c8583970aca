//! Calls into components, role by role; `filter` has that of filters.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Resource;

use crate::bindings::exports::flip::fl::{executor, model_locator, results_generator, results_persistor};
use crate::context::FlContext;
use crate::error::Error;
use crate::exchange::{Dxo, Shareable};
use crate::host::HostState;
use crate::host::context::SharedContext;
use crate::host::exchange::HostDxo;
use crate::host::log::one_line;
use crate::instance::{Instance, MAX_TEXT, Scope};
use crate::json::Json;
use crate::services::Caller;

/// The exports of a role.
macro_rules! guest {
    ($instance:ident, $role:literal, $module:ident) => {{
        $instance.component().require($role)?;
        let (pre, store, raw) = $instance.parts()?;
        let guest = $module::GuestIndices::new(pre).and_then(|indices| indices.load(store, &raw));
        guest.map_err(|error| $instance.ended(&error))?
    }};
}
pub(crate) use guest;

impl Instance {
    /// Has an executor carry out a task.
    ///
    /// # Errors
    ///
    /// Whatever kept it from answering; a task that failed is a reply with another return code than OK.
    pub fn execute(
        &mut self,
        task: &str,
        data: Shareable,
        context: &Arc<FlContext>,
    ) -> Result<Shareable, Error> {
        let guest = guest!(self, "executor", executor);
        let (task, data) = (task.to_owned(), Arc::new(data));
        let scope = Scope::of(context).and(&data.dxo);
        let reply = self.enter_in(scope, context, async move |store, ctx| {
            let data = store.data_mut().table.push(data)?;
            let borrow = Resource::new_borrow(data.rep());
            let reply = guest.call_execute(&mut *store, &task, borrow, ctx).await?;
            let table = &mut store.data_mut().table;
            table.delete(data)?;
            match reply {
                Err(error) => Ok(Err(error)),
                Ok(reply) => {
                    let dxo = reply.dxo.map(|dxo| table.delete(dxo)).transpose()?;
                    Ok(Ok((reply.code, reply.headers, dxo.map(released))))
                }
            }
        })?;
        let (return_code, headers, dxo) = reply.map_err(|error| self.failed(error))?;
        let headers = headers.into_iter().map(|(name, value)| {
            let value = Json::parse(value).map_err(|error| {
                let name = one_line(&name, MAX_TEXT);
                Error::InvalidData(format!("{}: the header \"{name}\" is no JSON: {error}", self.name()))
            })?;
            Ok((name, value))
        });
        Ok(Shareable { return_code, headers: headers.collect::<Result<_, Error>>()?, dxo })
    }

    /// Has an event handler handle an event, whether it is interested or not.
    ///
    /// # Errors
    ///
    /// What the handler answered, or whatever kept it from answering.
    pub fn handle_event(&mut self, event_type: &str, context: &Arc<FlContext>) -> Result<(), Error> {
        self.handle_event_within(event_type, Scope::of(context), context)
    }

    pub(crate) fn handle_event_within(
        &mut self,
        event_type: &str,
        scope: Scope<'_>,
        context: &Arc<FlContext>,
    ) -> Result<(), Error> {
        let Some(guest) = self.handler.clone() else {
            self.component().require("event-handler")?;
            return Err(self.poisoned());
        };
        let event_type = self.event_type(event_type);
        let answer = self.enter_in(scope, context, async move |store, ctx| {
            guest.call_handle_event(store, &event_type, ctx).await
        })?;
        answer.map_err(|error| self.failed(error))
    }

    /// Has a results generator handle an event of the evaluation.
    ///
    /// # Errors
    ///
    /// What the generator answered, or whatever kept it from answering.
    pub fn handle_evaluation_event(&mut self, event_type: &str, caller: Caller<'_>) -> Result<(), Error> {
        let guest = guest!(self, "results-generator", results_generator);
        let event_type = event_type.to_owned();
        let answer = self.enter_in(Scope::of(caller.context), caller.context, async move |store, ctx| {
            guest.call_handle_evaluation_event(store, &event_type, ctx).await
        })?;
        answer.map_err(|error| self.failed(error))
    }

    /// Asks a results generator whether every evaluation task failed and none produced metrics.
    ///
    /// # Errors
    ///
    /// Whatever kept it from answering.
    pub fn all_tasks_failed(&mut self, caller: Caller<'_>) -> Result<bool, Error> {
        let guest = guest!(self, "results-generator", results_generator);
        self.enter(Scope::of(caller.context), async move |live| {
            guest.call_all_tasks_failed(&mut live.store).await
        })
    }

    /// Has a results persistor upload and clean up.
    ///
    /// # Errors
    ///
    /// What kept the results from being safe.
    pub fn persist(&mut self, caller: Caller<'_>) -> Result<(), Error> {
        let guest = guest!(self, "results-persistor", results_persistor);
        let answer = self.enter_in(Scope::of(caller.context), caller.context, async move |store, ctx| {
            guest.call_execute(store, ctx).await
        })?;
        answer.map_err(|error| self.failed(error))
    }

    /// Has a results persistor upload; where that fails, it cleans up too.
    ///
    /// # Errors
    ///
    /// What kept the results from being safe.
    pub fn upload_results(&mut self, caller: Caller<'_>) -> Result<(), Error> {
        let guest = guest!(self, "results-persistor", results_persistor);
        let answer = self.enter_in(Scope::of(caller.context), caller.context, async move |store, ctx| {
            guest.call_upload_results_to_s3_bucket(store, ctx).await
        })?;
        answer.map_err(|error| self.failed(error))
    }

    /// Has a results persistor clean up, without an upload.
    ///
    /// # Errors
    ///
    /// What kept it from deleting.
    pub fn clean_up(&mut self, caller: Caller<'_>) -> Result<(), Error> {
        let guest = guest!(self, "results-persistor", results_persistor);
        let answer = self.enter_in(Scope::of(caller.context), caller.context, async move |store, ctx| {
            guest.call_cleanup(store, ctx).await
        })?;
        answer.map_err(|error| self.failed(error))
    }

    /// The names of the models that a locator finds.
    ///
    /// # Errors
    ///
    /// What the locator answered, or whatever kept it from answering.
    pub fn model_names(&mut self, context: &Arc<FlContext>) -> Result<Vec<String>, Error> {
        let guest = guest!(self, "model-locator", model_locator);
        let answer = self.enter_in(Scope::of(context), context, async move |store, ctx| {
            guest.call_model_names(store, ctx).await
        })?;
        answer.map_err(|error| self.failed(error))
    }

    /// The model of this name; none where the locator does not find it. A locator that answers with a
    /// collection of every model takes no name.
    ///
    /// # Errors
    ///
    /// What the locator answered, or whatever kept it from answering.
    pub fn locate_model(
        &mut self,
        name: Option<&str>,
        context: &Arc<FlContext>,
    ) -> Result<Option<Dxo>, Error> {
        let guest = guest!(self, "model-locator", model_locator);
        let name = name.map(str::to_owned);
        let found = self.enter_in(Scope::of(context), context, async move |store, ctx| {
            let found = guest.call_locate_model(&mut *store, name.as_deref(), ctx).await?;
            match found {
                Err(error) => Ok(Err(error)),
                Ok(dxo) => {
                    let table = &mut store.data_mut().table;
                    Ok(Ok(dxo.map(|dxo| table.delete(dxo)).transpose()?.map(released)))
                }
            }
        })?;
        found.map_err(|error| self.failed(error))
    }

    /// Enters the component with a handle of the context.
    fn enter_in<R: Send + 'static>(
        &mut self,
        scope: Scope<'_>,
        context: &Arc<FlContext>,
        call: impl AsyncFnOnce(&mut Store<HostState>, Resource<SharedContext>) -> wasmtime::Result<R>
        + Send
        + 'static,
    ) -> Result<R, Error> {
        let context = context.clone();
        self.enter(scope, async move |live| {
            let ctx = live.store.data_mut().lend(&context)?;
            call(&mut live.store, ctx).await
        })
    }
}

/// The dxo leaves the component.
fn released(dxo: HostDxo) -> Dxo {
    let mut dxo = dxo.into_dxo();
    dxo.release();
    dxo
}
