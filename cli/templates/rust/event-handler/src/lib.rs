//! my-component: a handler that tells when a run starts and ends.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod logic;
