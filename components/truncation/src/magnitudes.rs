//! The magnitudes of all elements of all tensors, as keys.

use order_statistics::{Key, Keys};

use crate::load::{Element, ForElement, with_element};
use crate::real::Real;
use crate::{Dtype, Tensor};

/// Keys made at a time, where they are not shown as they lie: they stay in the first cache.
const CHUNK: usize = 4096;
/// Elements in the body of a loop: see `apply`.
const BLOCK: usize = 16;
/// Neighbours that are sampled together: a cache line of float32. Longer runs tell little more, as
/// neighbours resemble each other.
const RUN: u32 = 16;

/// |x|, or |x / steps| where there are steps to divide by, of every element as a `T`.
pub(crate) struct Magnitudes<'a, X, T: Real> {
    tensors: &'a mut [X],
    steps: Option<f64>,
    chunk: Vec<T::Key>,
}

impl<'a, X: Tensor, T: Real> Magnitudes<'a, X, T> {
    pub fn new(tensors: &'a mut [X], steps: Option<f64>) -> Self {
        Self { tensors, steps, chunk: Vec::new() }
    }
}

impl<X: Tensor, T: Real> Keys<T::Key> for Magnitudes<'_, X, T> {
    type Error = X::Error;

    fn len(&self) -> u64 {
        self.tensors.iter().map(Tensor::len).sum()
    }

    /// Without the sign: a float can be shown as it is.
    fn bits(&self) -> T::Key {
        T::Key::from_u64(T::Key::MAX.to_u64() >> 1)
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[T::Key])) -> Result<(), X::Error> {
        for tensor in &mut *self.tensors {
            let dtype = tensor.dtype();
            tensor.scan(&mut |bytes| {
                with_element(
                    dtype,
                    Show::<T> { dtype, bytes, steps: self.steps, chunk: &mut self.chunk, visit },
                );
            })?;
        }
        Ok(())
    }

    fn sample(&mut self, at_most: usize, visit: &mut dyn FnMut(&[T::Key])) -> Result<(), X::Error> {
        let runs = (at_most as u64 / u64::from(RUN)).max(1);
        let stride = self.len().div_ceil(runs).max(1);
        let mut at = 0; // the run's position, first among all elements, then in the tensor
        let mut run = 0u64;
        for tensor in &mut *self.tensors {
            let dtype = tensor.dtype();
            while at < tensor.len() {
                // Fibonacci hashing moves the run about in its stride, so that no row length can be in
                // step with it.
                let jitter = run.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                let start =
                    (at + (stride.wrapping_mul(jitter) >> 32)).min(tensor.len().saturating_sub(RUN.into()));
                tensor.read(start, RUN, &mut |bytes| {
                    with_element(
                        dtype,
                        Show::<T> { dtype, bytes, steps: self.steps, chunk: &mut self.chunk, visit },
                    );
                })?;
                run += 1;
                at += stride;
            }
            at -= tensor.len();
        }
        Ok(())
    }
}

/// Shows the elements in some bytes as keys.
struct Show<'a, T: Real> {
    dtype: Dtype,
    bytes: &'a [u8],
    steps: Option<f64>,
    chunk: &'a mut Vec<T::Key>,
    visit: &'a mut dyn FnMut(&[T::Key]),
}

impl<T: Real> ForElement for Show<'_, T> {
    type Result = ();

    fn run<const N: usize, E: Element<N>>(self, _: E) {
        // But for the sign, which `Keys::bits` leaves out.
        let is_key = cfg!(target_endian = "little")
            && self.dtype.output() == self.dtype
            && N == size_of::<T>()
            && self.steps.is_none();
        if is_key && let Ok(keys) = bytemuck::try_cast_slice(self.bytes) {
            return (self.visit)(keys);
        }
        match self.steps.map(E::Out::round) {
            None => self.show(|bytes| widened::<_, T>(E::load(bytes))),
            Some(steps) => self.show(|bytes| widened::<_, T>(E::load(bytes) / steps)),
        }
    }
}

impl<T: Real> Show<'_, T> {
    fn show<const N: usize>(self, key: impl Fn([u8; N]) -> T::Key) {
        for elements in self.bytes.as_chunks::<N>().0.chunks(CHUNK) {
            self.chunk.resize(elements.len(), T::Key::MIN);
            let (blocks, rest) = elements.as_chunks::<BLOCK>();
            let (keys_of_blocks, keys_of_rest) = self.chunk.as_chunks_mut::<BLOCK>();
            keys_of_blocks.iter_mut().zip(blocks).for_each(|(keys, block)| *keys = block.map(&key));
            keys_of_rest.iter_mut().zip(rest).for_each(|(to, &bytes)| *to = key(bytes));
            (self.visit)(self.chunk);
        }
    }
}

/// The key of a number's magnitude as a `T`, which is the number's own type or a wider one.
#[inline(always)]
fn widened<R: Real, T: Real>(number: R) -> T::Key {
    if size_of::<R>() == size_of::<T>() {
        T::Key::from_u64(number.key().to_u64())
    } else {
        T::round(number.to_f64()).key()
    }
}
