//! ServerEventHandler: tells the hub how a run goes, and brings its results to safety when it ends.
//!
//! NVFLARE does not define in which order handlers see an event. Therefore this one calls the others
//! itself: the results generator before anything else, and the results persistor at the end.
//!
//! [`handler`] is the logic over [`Host`]; the component binds it to the contract.

pub mod event;
pub mod handler;

#[cfg(target_arch = "wasm32")]
mod component;
mod host;
mod state;
#[cfg(test)]
mod tests;

pub use handler::{Args, ServerEventHandler};
pub use host::Host;
