//! The hostile guests: one table of attacks, what each may use, and how each must end.
//!
//! `tests/hostile_rounds.rs` runs it through the library, all of it twenty times in one process;
//! `tests/hostile_covered.rs` lists the tests of whole paths that are attacks too, and `tests/hostile_table.rs` looks
//! whether the table is whole. `cli/tests/hostile.rs` runs what is a filter or an update, and
//! `cli/tests/hostile_jobs.rs` what is a component of a job, through the command line. The rest has tests of its own
//! there, which the table names. `docs/src/attacks.md` is generated from it.
#![allow(missing_docs, reason = "the names say it")]

mod aborts;
pub mod archives;
pub mod boundary;
pub mod caches;
pub mod checkpoints;
mod cut_short;
mod destructors;
mod environment;
pub mod errands;
mod federated;
mod files;
pub mod footprint;
mod given_up;
pub mod gone;
pub mod grants;
pub mod guest;
pub mod handles;
pub mod irregular;
pub mod kinds;
mod lifecycle;
pub mod links;
pub mod loading;
pub mod logs;
pub mod memory;
pub mod objects;
pub mod page;
pub mod paths;
pub mod quotas;
pub mod races;
mod realloc;
pub mod roles;
mod rows;
pub mod shapes;
pub mod state;
pub mod streams;
mod table;
pub mod time;

pub use table::{Attack, CommandLine, Ended, Expected, How, OFTEN, limits, sent, tensors};

/// The attacks, by what they are aimed at.
pub const FAMILIES: &[(&str, &[Attack])] = &[
    ("Time", time::ATTACKS),
    ("Memory", memory::ATTACKS),
    ("What crosses the boundary", boundary::ATTACKS),
    ("Memory for what the host hands over", realloc::ATTACKS),
    ("Handles", handles::ATTACKS),
    ("Files and names", files::ATTACKS),
    ("Quotas of files", quotas::ATTACKS),
    ("What was not granted", grants::ATTACKS),
    ("Races with another process", races::ATTACKS),
    ("Archives, models, texts", archives::ATTACKS),
    ("Network and environment", environment::ATTACKS),
    ("Streams and the process itself", streams::ATTACKS),
    ("Logs and figures", logs::ATTACKS),
    ("Loading and compiling", loading::ATTACKS),
    ("Shapes of components", shapes::ATTACKS),
    ("What earlier runs left", state::ATTACKS),
    ("Lifecycle", lifecycle::ATTACKS),
    ("Calls that are cut short", cut_short::ATTACKS),
    ("Traps in each role", roles::ATTACKS),
    ("Federated learning", federated::ATTACKS),
];

/// The attacks of one family.
pub fn family(title: &str) -> &'static [Attack] {
    FAMILIES.iter().find(|(known, _)| *known == title).map_or(&[], |(_, attacks)| attacks)
}
