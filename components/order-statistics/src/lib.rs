//! Exact order statistics over keys that are seen a window at a time, in a few MiB of memory.
//!
//! The keys may live anywhere: in a file, in another process, behind the host calls of a WebAssembly
//! component. All that is asked of them is that they can be shown again ([`Keys`]). Two keys, the smallest
//! and the largest come back ([`Selected`]), enough for a percentile by linear interpolation ([`Position`]).
//!
//! The way is that of Floyd and Rivest ("Expected time bounds for selection", CACM 18(3), 1975), with the
//! sample kept apart from the data: a sample brackets the wanted ranks, one pass counts what lies below the
//! bracket and collects what lies within, and where the bracket misses, histograms narrow the interval in
//! which the key must lie. A bad sample costs passes, never exactness.
//!
//! ```
//! use order_statistics::{Keys, Position, select};
//!
//! struct InMemory(Vec<u32>);
//!
//! impl Keys<u32> for InMemory {
//!     type Error = std::convert::Infallible;
//!
//!     fn len(&self) -> u64 {
//!         self.0.len() as u64
//!     }
//!     fn scan(&mut self, visit: &mut dyn FnMut(&[u32])) -> Result<(), Self::Error> {
//!         self.0.chunks(4096).for_each(visit);
//!         Ok(())
//!     }
//!     fn sample(&mut self, at_most: usize, visit: &mut dyn FnMut(&[u32])) -> Result<(), Self::Error> {
//!         let stride = self.0.len().div_ceil(at_most.max(1)).max(1);
//!         self.0.chunks(stride).for_each(|chunk| visit(&chunk[..1]));
//!         Ok(())
//!     }
//! }
//!
//! let mut keys = InMemory((0..=1_000_000).rev().collect());
//! let median = Position::linear(1_000_001, 50.0).unwrap();
//! let found = select(&mut keys, median.lower, median.upper)?.unwrap();
//! assert_eq!((found.lower, found.upper), (500_000, 500_001));
//! assert_eq!((found.min, found.max), (0, 1_000_000));
//! # Ok::<(), std::convert::Infallible>(())
//! ```

#![forbid(unsafe_code)]

mod bracket;
mod key;
mod look;
mod narrow;
mod position;
mod raw;
mod select;
mod selection;
mod survey;
mod tally;
#[cfg(test)]
mod tests;

pub use key::Key;
pub use look::{Look, Seen};
pub use position::Position;
pub use select::{Keys, Selected, select};
pub use selection::{Selection, Step};
