//! One tensor: its numbers, held against its storage once and for all.

use std::ops::Range;

use crate::boxes::layout;
use crate::dtype::Dtype;
use crate::error::{Invalid, shown};
use crate::limits::MAX_EXPANDED;
use crate::state::Spec;

/// A tensor of a checkpoint. Whoever holds one knows that every element of it lies in its storage, and the
/// storage in the file that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<u64>,
    strides: Vec<u64>,
    offset: u64,
    elements: u64,
    bytes: u64,
    storage: Range<u64>,
}

impl Tensor {
    /// Its name in the state dict.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of its elements.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Its size in each dimension; none for a scalar.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// How many elements of the storage lie between neighbours in each dimension. May be 0.
    pub fn strides(&self) -> &[u64] {
        &self.strides
    }

    /// Where its first element lies in the storage, in elements.
    pub fn storage_offset(&self) -> u64 {
        self.offset
    }

    /// Where its storage lies in the file, in bytes. Tied tensors have the same.
    pub fn storage(&self) -> Range<u64> {
        self.storage.clone()
    }

    /// Where its elements lie in the file, in bytes, if they lie there side by side and in row-major order.
    pub fn contiguous(&self) -> Option<Range<u64>> {
        let dense = match layout(&self.shape, &self.strides).as_slice() {
            [] => true,
            [axis] => axis.from == 1 || self.elements == 0,
            _ => self.elements == 0,
        };
        let first = self.offset.saturating_mul(self.dtype.size() as u64);
        let start = self.storage.start.saturating_add(first);
        dense.then(|| start..start.saturating_add(self.bytes))
    }

    /// How many elements it has.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// The bytes of its elements, read in row-major order.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Checks the pickle's numbers against the storage that the file has at these bytes.
    pub(crate) fn new(spec: Spec, storage: Range<u64>) -> Result<Self, Invalid> {
        let Spec { name, dtype, key, numel, offset, shape, strides } = spec;
        let fail = |problem| Err(Invalid::Tensor { tensor: shown(&name), problem });
        let width = dtype.size() as u64;
        let found = storage.end.saturating_sub(storage.start);
        if numel.checked_mul(width) != Some(found) {
            let problem = "the elements that the pickle declares do not take the bytes that the file has";
            return Err(Invalid::Storage { key: shown(&key), problem, declared: numel, found });
        }
        if shape.len() != strides.len() {
            return fail("it has not as many strides as dimensions");
        }
        let elements = match shape.contains(&0) {
            true => Some(0),
            false => shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size)),
        };
        let bytes = elements.and_then(|elements| elements.checked_mul(width));
        let (Some(elements), Some(bytes)) = (elements, bytes) else {
            return fail("its shape is too large to count its elements");
        };
        if offset > numel {
            return fail("it begins beyond the end of its storage");
        }
        if elements > 0 {
            let last = shape.iter().zip(&strides).try_fold(offset, |last, (&size, &stride)| {
                last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
            });
            if last.is_none_or(|last| last >= numel) {
                return fail("it reaches beyond the end of its storage");
            }
        }
        if elements > numel.max(MAX_EXPANDED) {
            return fail("it repeats its storage too often");
        }
        Ok(Self { name, dtype, shape, strides, offset, elements, bytes, storage })
    }
}
