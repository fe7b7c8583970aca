//! my-component: a locator of a model in one raw file.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod logic;
