//! What the host calls. What is said and fired is in `logic`.

use flip_sdk::{Configurable, Error, EventHandler, FlContext, events, log};

use crate::logic::{Args, INTERESTS, line};

struct MyComponent(Args);

impl Configurable for MyComponent {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self(args))
    }
}

impl EventHandler for MyComponent {
    fn interests(&self) -> Vec<String> {
        INTERESTS.map(str::to_owned).to_vec()
    }

    fn handle_event(&mut self, event_type: &str, ctx: &FlContext) -> Result<(), Error> {
        log::info(&line(event_type, &ctx.job_id(), &ctx.identity()));
        self.0.fires_after(event_type).map_or(Ok(()), events::fire)
    }
}

flip_sdk::export!(MyComponent: event_handler);
