//! my-component: a generator that counts results.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod logic;
