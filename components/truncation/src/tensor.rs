//! Tensors that live elsewhere.

use crate::Dtype;

/// A good size for the windows in which tensors are shown, in bytes.
///
/// Large enough that the call which fetches a window weighs nothing, small enough that the window stays in
/// the second cache.
pub const WINDOW: usize = 256 * 1024;

/// What a truncation has to know of a tensor before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The type of its elements.
    pub dtype: Dtype,
    /// The number of its elements.
    pub len: u64,
}

/// A tensor whose elements are shown and replaced in windows.
///
/// It may be kept by the host of a WebAssembly component, in a file, or in memory ([`Array`](crate::Array)).
/// Elements are little-endian, in row-major order; a window is a whole number of them, [`WINDOW`] bytes or
/// so. The visitors cannot fail.
pub trait Tensor {
    /// Why elements could not be shown or replaced.
    type Error;

    /// The type of the elements.
    fn dtype(&self) -> Dtype;

    /// Whether it has no dimensions: one number, which counts in the cutoff, but is neither zeroed nor
    /// clipped. A piece of a tensor that has dimensions has some.
    fn is_scalar(&self) -> bool;

    /// The number of elements.
    fn len(&self) -> u64;

    /// Whether it has no elements.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a truncation has to know of it.
    fn profile(&self) -> Profile {
        Profile { dtype: self.dtype(), len: self.len() }
    }

    /// Shows up to `count` elements from `start`.
    ///
    /// # Errors
    /// Those of the place where the elements live.
    fn read(&mut self, start: u64, count: u32, visit: &mut dyn FnMut(&[u8])) -> Result<(), Self::Error>;

    /// Shows every element once, in order.
    ///
    /// # Errors
    /// Those of the place where the elements live.
    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Self::Error>;

    /// Replaces every element in place, in order; the type stays.
    ///
    /// # Errors
    /// Those of the place where the elements live.
    fn map(&mut self, visit: &mut dyn FnMut(&mut [u8])) -> Result<(), Self::Error>;

    /// Becomes a tensor of type `to`: the visitor appends to the empty vector what a window turns into.
    /// A tensor without elements changes its type all the same.
    ///
    /// # Errors
    /// Those of the place where the elements live.
    fn convert(&mut self, to: Dtype, visit: &mut dyn FnMut(&[u8], &mut Vec<u8>)) -> Result<(), Self::Error>;
}
