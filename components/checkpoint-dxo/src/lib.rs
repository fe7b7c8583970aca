//! What the locators of models share: a [`checkpoint`] in a granted directory becomes a dxo of weights.
//!
//! A tensor whose elements lie in the file as a dxo wants them is mapped: nothing of it is read here, and it
//! costs no memory. The others (strided, bfloat16, bool) are copied through windows, so that the component
//! stays as small as it is at any size of model.

mod args;
mod description;
mod exclude;
mod file;
mod global_model;
mod json;
mod names;
pub mod transfer;

pub use args::{Args, ModelName};
pub use description::description;
pub use exclude::ExcludeVars;
pub use file::{CheckpointFile, text_of};
pub use global_model::{GlobalModel, Place};
pub use json::json;
pub use names::{is_path, is_single_part};
