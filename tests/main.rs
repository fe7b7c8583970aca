//! Whole paths through the sandbox, from the library's side: one program, since each links the whole runtime.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod archive;
mod archive_changes;
mod archive_limits;
mod attacks;
mod audit;
mod audit_hostile;
mod book;
mod cleanup;
mod compiling;
mod cut_off;
mod deadlines;
mod docs;
mod duties;
mod events;
mod faults;
mod filter_vectors;
mod grants;
mod hanging_disks;
mod heap;
mod host_bytes;
mod hostile_covered;
mod hostile_rounds;
mod hostile_table;
mod hub;
mod hub_interface;
mod inspection;
mod interfaces;
mod job_config;
mod job_failures;
mod job_hub_failures;
mod job_paths;
mod job_regressions;
mod job_traces;
mod job_upload_failures;
mod jobs;
mod languages;
mod limits;
mod links;
mod native;
mod object_store;
mod object_store_failures;
mod object_store_interface;
mod object_store_links;
mod outputs;
mod peers;
mod phases;
mod policy_tables;
mod safetensors;
mod staged_files;
mod stages;
mod standard_job;
mod state;
mod storage;
mod store_limits;
mod tensors;
mod testing;
mod turns;
