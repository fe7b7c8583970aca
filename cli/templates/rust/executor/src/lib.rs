//! my-component: an executor that counts elements.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod logic;
