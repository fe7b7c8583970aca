//! A tensor in memory.

use std::convert::Infallible;

use crate::{Dtype, Tensor, WINDOW};

/// A tensor that owns its elements, and is changed in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    dtype: Dtype,
    shape: Vec<u64>,
    bytes: Vec<u8>,
}

impl Array {
    /// A tensor of little-endian elements in row-major order; `None` if their number is not that of the
    /// shape. An empty shape is that of a single number.
    #[must_use]
    pub fn new(dtype: Dtype, shape: Vec<u64>, bytes: Vec<u8>) -> Option<Self> {
        let len = shape.iter().try_fold(1u64, |len, &side| len.checked_mul(side))?;
        let size = len.checked_mul(dtype.size() as u64)?;
        (size == bytes.len() as u64).then_some(Self { dtype, shape, bytes })
    }

    /// The length of each dimension.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The elements.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Tensor for Array {
    type Error = Infallible;

    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    fn len(&self) -> u64 {
        (self.bytes.len() / self.dtype.size()) as u64
    }

    fn read(&mut self, start: u64, count: u32, visit: &mut dyn FnMut(&[u8])) -> Result<(), Infallible> {
        let size = self.dtype.size();
        let start = usize::try_from(start).unwrap_or(usize::MAX).saturating_mul(size);
        let shown = self.bytes.get(start..).unwrap_or_default();
        let end = shown.len().min((count as usize).saturating_mul(size));
        visit(shown.get(..end).unwrap_or_default());
        Ok(())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Infallible> {
        self.bytes.chunks(WINDOW).for_each(visit);
        Ok(())
    }

    fn map(&mut self, visit: &mut dyn FnMut(&mut [u8])) -> Result<(), Infallible> {
        self.bytes.chunks_mut(WINDOW).for_each(visit);
        Ok(())
    }

    fn convert(&mut self, to: Dtype, visit: &mut dyn FnMut(&[u8], &mut Vec<u8>)) -> Result<(), Infallible> {
        let mut converted = Vec::with_capacity(self.bytes.len() / self.dtype.size() * to.size());
        let mut window = Vec::new();
        for bytes in self.bytes.chunks(WINDOW) {
            window.clear();
            visit(bytes, &mut window);
            converted.extend_from_slice(&window);
        }
        self.bytes = converted;
        self.dtype = to;
        Ok(())
    }
}
