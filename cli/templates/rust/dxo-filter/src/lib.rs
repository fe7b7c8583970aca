//! my-component: a filter that clips what is shared.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod logic;
