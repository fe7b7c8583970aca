//! The component: the handler, bound to the contract.

use flip_sdk::peers::{self, LookupError, ResultsGenerator, ResultsPersistor};
use flip_sdk::{Configurable, Error, EventHandler, FlContext, Json, ModelStatus, Stateful, events, hub, log};

use crate::{Args, Host, ServerEventHandler, event};

struct Sandbox;

impl Host for Sandbox {
    type Context = FlContext;
    type Generator = ResultsGenerator;
    type Persistor = ResultsPersistor;

    fn update_status(&self, model_id: &str, status: ModelStatus) -> Result<(), Error> {
        hub::update_status(model_id, status)
    }

    fn results_generator(&self, id: &str) -> Result<ResultsGenerator, LookupError> {
        peers::get_results_generator(id)
    }

    fn results_persistor(&self, id: &str) -> Result<ResultsPersistor, LookupError> {
        peers::get_results_persistor(id)
    }

    fn generate(&self, generator: &ResultsGenerator, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        generator.handle_evaluation_event(event_type, ctx)
    }

    fn all_tasks_failed(&self, generator: &ResultsGenerator) -> bool {
        generator.all_tasks_failed()
    }

    fn persist(&self, persistor: &ResultsPersistor, ctx: &FlContext) -> Result<(), Error> {
        persistor.execute(ctx)
    }

    fn system_panic(&self, reason: &str) {
        events::system_panic(reason);
    }

    fn info(&self, line: &str) {
        log::info(line);
    }

    fn error(&self, line: &str) {
        log::error(line);
    }
}

impl Configurable for ServerEventHandler<Sandbox> {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Self::new(Sandbox, args)
    }
}

impl EventHandler for ServerEventHandler<Sandbox> {
    fn interests(&self) -> Vec<String> {
        event::INTERESTS.map(str::to_owned).to_vec()
    }

    fn handle_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        self.handle(event_type, ctx);
        Ok(())
    }
}

impl Stateful for ServerEventHandler<Sandbox> {
    fn save(&self) -> Json {
        self.state()
    }

    fn restore(&mut self, state: &str) -> Result<(), Error> {
        self.restore(state)
    }
}

flip_sdk::export!(ServerEventHandler<Sandbox>: event_handler, state);
