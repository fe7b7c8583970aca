//! A host that answers as it is told, and records what it was asked.

use std::cell::RefCell;

use flip_sdk::peers::LookupError;
use flip_sdk::{Error, ModelStatus};

use crate::Host;

/// What the host answers.
pub struct Answers {
    pub hub: Result<(), Error>,
    /// Why there is no generator.
    pub generator: Option<LookupError>,
    pub generate: Result<(), Error>,
    pub all_tasks_failed: bool,
    /// Why there is no persistor.
    pub persistor: Option<LookupError>,
    pub persist: Result<(), Error>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            hub: Ok(()),
            generator: None,
            generate: Ok(()),
            all_tasks_failed: false,
            persistor: None,
            persist: Ok(()),
        }
    }
}

pub struct Fake {
    pub answers: RefCell<Answers>,
    calls: RefCell<Vec<String>>,
    errors: RefCell<Vec<String>>,
}

impl Fake {
    pub fn new(answers: Answers) -> Self {
        Self { answers: RefCell::new(answers), calls: RefCell::default(), errors: RefCell::default() }
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    pub fn errors(&self) -> Vec<String> {
        self.errors.borrow().clone()
    }

    fn call(&self, call: String) {
        self.calls.borrow_mut().push(call);
    }
}

impl Host for &Fake {
    type Context = ();
    type Generator = ();
    type Persistor = ();

    fn update_status(&self, model_id: &str, status: ModelStatus) -> Result<(), Error> {
        self.call(format!("status {model_id} {}", status.name()));
        self.answers.borrow().hub.clone()
    }

    fn results_generator(&self, id: &str) -> Result<(), LookupError> {
        self.call(format!("look up generator {id}"));
        self.answers.borrow().generator.clone().map_or(Ok(()), Err)
    }

    fn results_persistor(&self, id: &str) -> Result<(), LookupError> {
        self.call(format!("look up persistor {id}"));
        self.answers.borrow().persistor.clone().map_or(Ok(()), Err)
    }

    fn generate(&self, (): &(), event_type: &str, (): &()) -> Result<(), Error> {
        self.call(format!("generate {event_type}"));
        self.answers.borrow().generate.clone()
    }

    fn all_tasks_failed(&self, (): &()) -> bool {
        self.answers.borrow().all_tasks_failed
    }

    fn persist(&self, (): &(), (): &()) -> Result<(), Error> {
        self.call("persist".to_owned());
        self.answers.borrow().persist.clone()
    }

    fn system_panic(&self, reason: &str) {
        self.call(format!("panic {reason}"));
    }

    fn info(&self, _: &str) {}

    fn error(&self, line: &str) {
        self.errors.borrow_mut().push(line.to_owned());
    }
}
