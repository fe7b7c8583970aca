//! Runs components of package `flip:fl` in a sandbox: the library behind `flip-wasm`.
//!
//! A hospital's update goes through a filter like this:
//!
//! ```
//! use std::sync::Arc;
//!
//! use flip_runtime::{DataKind, Dtype, Dxo, FlContext, Runtime, Tensor};
//!
//! let runtime = Runtime::new()?;
//! let component = runtime.load("percentile-privacy")?; // or the path of any component's .wasm
//! let mut filter = component
//!     .instance()
//!     .args(r#"{"percentile": 50, "gamma": 0.25}"#)
//!     .build()?;
//!
//! let update: Vec<u8> = [0.01_f32, -0.1, 0.2, -4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
//! let tensor = Tensor::new(Dtype::Float32, &[2, 2], update)?;
//! let dxo = Dxo::of_tensors(DataKind::WeightDiff, [("layer.weight".to_owned(), tensor)]).unwrap();
//! let context = Arc::new(FlContext {
//!     job_id: "job-1".to_owned(),
//!     identity: "site-1".to_owned(),
//!     ..FlContext::default()
//! });
//!
//! let filtered = filter.filter(dxo, &context)?; // an error: nothing may leave the site
//! let shared = filtered.dxo.tensors().unwrap()["layer.weight"].to_bytes()?;
//! let shared: Vec<f32> = shared.chunks(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
//! assert_eq!(shared, [0.0, 0.0, 0.2, -0.25]);
//! # Ok::<(), flip_runtime::Error>(())
//! ```
//!
//! The data goes in at one door and leaves by another: a [`Dxo`] into an [`Instance`], which one
//! sandboxed component works on within its [`Limits`], and out as [`Filtered`], or as an [`Error`] that
//! says whose fault it was ([`Error::code`]). A component gets nothing but what it imports
//! ([`Inspection`] lists it without running anything) and the host offers.

mod admission;
pub mod audit;
mod bindings;
mod budget;
mod builtin;
mod cache;
mod compile;
mod component;
mod context;
mod engine;
mod error;
mod exchange;
mod filter;
mod host;
mod inspect;
mod instance;
pub mod job;
mod json;
mod limits;
mod loaded;
mod paths;
pub mod policy;
mod raw;
pub mod report;
mod roles;
mod runtime;
pub mod safetensors;
pub mod services;
mod state;
mod store_limiter;
mod tensor;
pub mod testing;
mod tree;
mod turns;
mod usage;

pub use admission::Admitted;
pub use bindings::flip::fl::types::Error as ContractError;
pub use builtin::{BUILTINS, Builtin};
pub use compile::{Compiler, compile_worker, compile_worker_if_asked};
pub use component::{Component, Source};
pub use context::{AbortSignal, FlContext};
pub use error::{Code, Error, Failed};
pub use exchange::{DataKind, Dxo, MAX_DEPTH, Meta, ReturnCode, Shareable};
pub use filter::{Filtered, FilteredResult, Leaf, Outcome};
pub use host::log::{Level, LogSink, RecordedLog, TracingLog, one_line};
pub use host::tensors::Meter;
pub use inspect::{Digest, Import, Inspection};
pub use instance::{Instance, InstanceBuilder};
pub use json::{InvalidJson, Json};
pub use limits::{Allowed, LimitReached, Limits};
pub use policy::{Grants, Policy};
#[cfg(feature = "numpy")]
pub use raw::numpy;
pub use runtime::{Runtime, RuntimeBuilder};
pub use services::Services;
pub use tensor::{Dtype, FileRange, MAX_DIMENSIONS, Tensor, TensorError, TensorSource};
pub use usage::{Besides, Deleted, HostCalls, LimitUse, Listing, Stored, Usage};
