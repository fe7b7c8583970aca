//! The program as people run it: one binary of tests, since each links the whole runtime.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

#[macro_use]
mod support;

mod audit;
mod book;
mod cases;
mod checkpoint;
mod cli;
mod compiling;
mod conformance;
mod environment;
mod failures;
mod from_trace;
mod hostile;
mod hostile_aborts;
mod hostile_audit;
mod hostile_caches;
mod hostile_chains;
mod hostile_components;
mod hostile_disks;
mod hostile_failures;
mod hostile_filters;
mod hostile_grants;
mod hostile_inputs;
mod hostile_jobs;
mod hostile_jobs_alone;
mod hostile_keys;
mod hostile_late;
mod hostile_names;
mod hostile_objects;
mod hostile_races;
mod hostile_services;
mod hostile_traps;
mod live;
mod memory;
mod mutants;
mod project;
mod run;
mod test_command;
mod test_hostile;
mod test_runs;
mod width;
