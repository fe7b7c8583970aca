//! What a component of package `flip:fl` is written with.
//!
//! A component is a type that implements the trait of its role and a line that exports it:
//!
//! ```
//! use flip_sdk::{Configurable, DataKind, Dxo, DxoFilter, Error, FlContext, Verdict};
//!
//! /// Refuses what was trained in too few steps.
//! struct MinimumSteps(u64);
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Args {
//!     steps: u64,
//! }
//!
//! impl Configurable for MinimumSteps {
//!     type Args = Args;
//!
//!     fn configure(args: Args) -> Result<Self, Error> {
//!         Ok(Self(args.steps))
//!     }
//! }
//!
//! impl DxoFilter for MinimumSteps {
//!     fn data_kinds(&self) -> Vec<DataKind> {
//!         vec![DataKind::WeightDiff]
//!     }
//!
//!     fn process_dxo(&mut self, dxo: &Dxo, _: &FlContext) -> Result<Verdict, Error> {
//!         let steps: u64 = dxo.meta_as("NUM_STEPS_CURRENT_ROUND")?.unwrap_or(0);
//!         Ok(match steps >= self.0 {
//!             true => Verdict::Unchanged(format!("{steps} steps are enough")),
//!             false => Verdict::Refused(format!("{steps} steps; this site asks for {}", self.0)),
//!         })
//!     }
//! }
//!
//! # #[cfg(target_arch = "wasm32")]
//! flip_sdk::export!(MinimumSteps: dxo_filter);
//! ```
//!
//! Build it as a `cdylib` for `wasm32-unknown-unknown` with `-C target-feature=+simd128` and
//! `-C link-arg=--initial-heap=65536`, and encode it as a component. It imports what it calls and nothing else.

pub mod clock;
pub mod log;
pub mod roles;
pub mod storage;

mod bindings;
mod configured;
mod data_kind;
mod dxo;
mod error;
mod model_status;
mod return_code;
mod tensor;
mod text;

pub use bindings::flip::fl::{cleanup, events, hub, object_store, peers};

pub use bindings::flip::fl::context::FlContext;
pub use bindings::flip::fl::exchange::{Dxo, Reply, Shareable};
pub use bindings::flip::fl::tensors::Tensor;
pub use bindings::flip::fl::types::{DataKind, Dtype, Error, Json, ModelStatus, ReturnCode, Verdict};
pub use roles::configurable::Configurable;
pub use roles::dxo_filter::DxoFilter;
pub use roles::event_handler::EventHandler;
pub use roles::executor::Executor;
pub use roles::model_locator::ModelLocator;
pub use roles::phased_dxo_filter::{Access, Phase, PhasedDxoFilter, Step};
pub use roles::results_generator::ResultsGenerator;
pub use roles::results_persistor::ResultsPersistor;
pub use roles::state::{self, Stateful};
pub use tensor::WINDOW;

/// The standard library's allocator, but newer: it begins with the heap that the linker has laid out. A component that
/// need not grow its memory first is instantiated in less than two thirds of the time (`cargo xtask bench density`).
#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// What the macro `export` needs; not for anyone else.
#[doc(hidden)]
pub mod exporting {
    pub use crate::configured::Configured;
}
