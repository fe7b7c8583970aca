//! Audit trails: what a run let components do, and what came in and went out, a line for each.
//!
//! ```
//! use flip_runtime::Runtime;
//! use flip_runtime::audit::{self, AuditTrail, RunKind, Start};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("audit.jsonl"); // a file that is there is never overwritten
//! let trail = AuditTrail::create(&path, Start::new(RunKind::Filter))?;
//!
//! let runtime = Runtime::new()?;
//! let component = runtime.load("percentile-privacy")?;
//! let filter = component.instance().audit(&trail, "site-1").build()?;
//! let digest = trail.finish(None)?; // what to note elsewhere
//!
//! let checked = audit::check(std::io::BufReader::new(std::fs::File::open(&path)?))?;
//! assert_eq!(checked.digest, digest);
//! assert_eq!(checked.components[0].sha256, component.inspection().sha256);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the chain shows
//!
//! Each line holds the digest of the line before it, and the last one the number of lines and a digest of
//! itself. So [`check`] notices lines that were changed, removed, added, repeated or put elsewhere, and a
//! file that ends early. There is no key in it: whoever can rewrite the *whole* file can make a new chain.
//! That is noticed only by who has noted the final digest elsewhere, such as in a ticket or a log of another
//! machine: [`Checked::digest`], `flip-wasm audit --digest`.
//!
//! A trail is written by the host. It belongs where no component may write, which is any place outside
//! the workspace.
//!
//! # What stands in it
//!
//! No data, no values of metrics, no texts of exceptions, no keys, no addresses: names, sizes, digests, and
//! how calls ended. A digest tells whoever has the data that this is it. Of a few digits, such as a metric, whoever
//! tries them all finds them: a trail is for those who may see such figures.
//! Names that come from components are cut and cleaned. Every call has its place: where a component makes several
//! alike right after each other, one line has their number, and whoever fills the room that the limit `audit-bytes`
//! leaves for its calls is ended before it makes one that would not be noted.
//!
//! A trail that cannot be written ends the run: no component is entered any more, nothing leaves.

mod chain;
mod check;
mod component;
mod data;
mod entry;
mod kept;
mod summary;
#[cfg(test)]
mod tests;

pub use chain::AuditTrail;
pub(crate) use check::follow;
pub use check::{Altered, Wrong, check, check_each};
#[cfg(test)]
pub(crate) use component::figures;
pub(crate) use component::{Auditor, CallSink, Noting};
pub(crate) use data::digest_of_elements;
pub use data::{Carried, digest, text_digest};
pub(crate) use entry::text;
pub use entry::{
    CallEntry, ComponentEntry, DataEntry, DeletedEntry, EndEntry, Entry, Function, Interface, Line, Outcome,
    RunKind, Start,
};
pub use kept::{Besides, Kept};
pub use summary::{CallCount, Checked, DataSeen};

impl Start {
    /// The start of such a run.
    pub fn new(run: RunKind) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), run, local_dev: false, job_id: None }
    }
}
