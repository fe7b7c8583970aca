//! ClientEventHandler: accepts every event and does nothing. It is where a site hangs its own logic.
#![cfg(target_arch = "wasm32")]

use flip_sdk::{Configurable, Error, EventHandler, FlContext};

struct ClientEventHandler;

/// None.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {}

impl Configurable for ClientEventHandler {
    type Args = Args;

    fn configure(Args {}: Args) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl EventHandler for ClientEventHandler {
    /// Every event. To enter a handler that does nothing costs less than a job would notice, and what is
    /// put into `handle_event` then sees what a handler of NVFLARE sees.
    fn interests(&self) -> Vec<String> {
        Vec::new()
    }

    fn handle_event(&mut self, _: &str, _: &FlContext) -> Result<(), Error> {
        Ok(())
    }
}

flip_sdk::export!(ClientEventHandler: event_handler);
