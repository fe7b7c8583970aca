//! Fuzz targets: one function for each of the readers of untrusted input, which reads bytes and asserts what must
//! hold whatever they are.
//!
//! cargo-fuzz drives them without end (`cargo xtask fuzz`, through `fuzz_targets/`); `tests/corpus.rs` drives
//! them over the files of `corpus/` and mutations of these, in seconds and always the same. What a target
//! asserts beside "no panic":
//!
//! - what was read and written again reads the same;
//! - sizes and work stay in proportion to the input;
//! - an error is text of bounded length that cannot move a terminal's cursor.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target stops where a reader breaks its word"
)]

mod checkpoint;
mod component;
mod files;
mod job_config;
mod json;
mod message;
mod policy;
mod report;
mod safetensors;
mod trace;

pub use checkpoint::checkpoint;
pub use component::{component, load};
pub use job_config::job_config;
pub use json::json;
pub use policy::policy;
pub use report::report;
pub use safetensors::safetensors;
pub use trace::trace;

/// A target: it panics where the reader of these bytes breaks its word.
pub type Target = fn(&[u8]);

/// Every target, under the name of its program and its corpus.
pub const TARGETS: [(&str, Target); 9] = [
    ("checkpoint", checkpoint),
    ("component", component),
    ("job_config", job_config),
    ("json", json),
    ("load", load),
    ("policy", policy),
    ("report", report),
    ("safetensors", safetensors),
    ("trace", trace),
];
