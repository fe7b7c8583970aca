//! PersistToS3AndCleanup: uploads a job's results as one archive, then deletes what the run left behind.
//!
//! [`PersistToS3AndCleanup`] is the order of things over [`Host`], `upload` and `cleanup` are its parts;
//! the component binds them to the contract.

mod cleanup;
#[cfg(target_arch = "wasm32")]
mod component;
mod delete;
mod host;
mod key;
mod persist;
mod results;
#[cfg(test)]
mod tests;

pub use host::Host;
pub use persist::{Args, PersistToS3AndCleanup};
