//! What a run did, as people look at it: [`Report`] is its data and [`html`] a page that shows it.
//!
//! A report is made of a run's [audit trail](crate::audit), which says what happened when, and of what the run itself
//! knows besides: what components asked for and used, and what became of the data.

mod alone;
mod calls;
mod component;
mod failed;
mod filter;
mod job;
mod limits;
mod moments;
mod read;
mod trail;

pub use flip_report::*;

pub use alone::of_component;
pub use failed::of_failed_job;
pub use filter::{of_failed_filter, of_filter};
pub use read::read_file;
pub use trail::of_trail;
