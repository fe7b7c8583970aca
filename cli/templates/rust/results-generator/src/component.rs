//! What the host calls. How results are counted is in `logic`.

use flip_sdk::storage::{self, Root};
use flip_sdk::{Configurable, Error, FlContext, ResultsGenerator, ReturnCode};

use crate::logic::{Args, END, RECEIVED, RESULT, START, Tally};

#[derive(Default)]
struct MyComponent(Tally);

impl Configurable for MyComponent {
    type Args = Args;

    fn configure(Args {}: Args) -> Result<Self, Error> {
        Ok(Self::default())
    }
}

impl ResultsGenerator for MyComponent {
    fn handle_evaluation_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        match event_type {
            START => self.0 = Tally::default(),
            RECEIVED => {
                let result = ctx.shareable(RESULT)?;
                self.0.receive(result.is_some_and(|result| result.return_code() == ReturnCode::Ok));
            }
            END => storage::open(Root::Job)?.write("results.json", self.0.to_json().as_bytes())?,
            _ => {}
        }
        Ok(())
    }

    fn all_tasks_failed(&self) -> bool {
        self.0.all_failed()
    }
}

flip_sdk::export!(MyComponent: results_generator);
