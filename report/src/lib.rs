//! The report of a run: what ran, with which rights, and what left. [`Report`] is its data, [`Report::verdict`] says
//! it in plain English, and [`html`] is one page that shows it, without scripts and without a network.
//!
//! ```
//! use flip_report::{Ran, Report, html};
//!
//! let report = Report::new("0.1.0", Ran::Job);
//! let json = serde_json::to_vec(&report)?;
//! let page = html(&Report::read(&json)?);
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod html;
mod model;
mod read;
mod sentence;
pub mod text;
mod verdict;
mod write;

pub use html::html;
pub use model::*;
pub use read::{MAX_BYTES, ReadError};
pub use sentence::{Piece, Sentence};
pub use verdict::{Level, Topic, Verdict};
pub use write::json;
