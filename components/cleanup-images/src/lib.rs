//! CleanupImages: deletes a site's copies of images, and the job's folder, when a task asks for it.
//!
//! [`execute`] is the logic over [`Host`]; the component binds it to the contract.

#[cfg(target_arch = "wasm32")]
mod component;
mod host;
mod tasks;
#[cfg(test)]
mod tests;

pub use host::Host;
pub use tasks::{Answer, execute};
