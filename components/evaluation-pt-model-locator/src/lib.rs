//! EvaluationPTModelLocator: the models that an evaluation compares, as one collection.
//!
//! The app's `custom/config.json` names them. A model's class is Python and is not run here: what a strict
//! `load_state_dict` would find is found by a manifest beside the checkpoint, where there is one.

pub mod config;
pub mod manifest;

#[cfg(target_arch = "wasm32")]
mod component;
