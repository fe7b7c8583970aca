//! The rules of the generators of result files: which results of validation and evaluation tasks are kept,
//! under which names, and the text that is written of them.
//!
//! Everything here is plain Rust over the trait [`Dxo`]; for components, `host` binds it to the sdk.
//!
//! Results come from sites that nobody vouches for: what one of them can make a generator keep, read or
//! tell is bounded by [`limits`], and a result beyond them is a [`Problem`] like any other: a line in the
//! log, after which the run goes on.

#![forbid(unsafe_code)]

mod evaluation;
mod event;
mod failures;
mod kept;
pub mod limits;
mod problem;
mod received;
mod results_file;
mod state;
mod validation;

#[cfg(target_arch = "wasm32")]
pub mod host;

pub use evaluation::Evaluation;
pub use event::Event;
pub use kept::Full;
pub use problem::{Problem, Problems, Reason};
pub use received::{Dxo, Kind, Received, TaskResult, name};
pub use results_file::{PathError, ResultsFile};
pub use state::StateError;
pub use validation::Validation;
