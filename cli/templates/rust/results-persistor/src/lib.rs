//! my-component: a persistor that uploads one archive and clears the images.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod logic;
