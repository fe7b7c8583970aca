//! Tensors that a component sees through windows.

mod dtype;
mod overlay;
mod pieces;
mod scratch;
mod source;
mod watch;

use std::sync::Arc;

use bytes::Bytes;

pub use crate::bindings::flip::fl::types::Dtype;
use crate::budget::{Budget, Charge};
use crate::limits::LimitReached;
use overlay::Overlay;
pub(crate) use pieces::Cut;
pub(crate) use scratch::{Scratch, ScratchFile};
pub use source::{FileRange, TensorSource};
pub(crate) use source::{Source, forget_window};
use watch::Watch;
pub(crate) use watch::{Sample, Spread};

/// More dimensions than any model has; NumPy stops at 64, torch's files rarely pass 5.
pub const MAX_DIMENSIONS: usize = 32;

/// Why a tensor could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    /// The shape is not one that a tensor can have.
    #[error("the shape {shape} is too large: {reason}")]
    Shape {
        /// The lengths of the dimensions.
        shape: String,
        /// The bound that it breaks.
        reason: &'static str,
    },
    /// The bytes given are not the bytes of all elements.
    #[error("{got} bytes given for a tensor of {expected} bytes")]
    Length {
        /// The size of the tensor in bytes.
        expected: u64,
        /// The number of bytes given.
        got: u64,
    },
    /// Bytes that are no whole elements, or that reach past the end.
    #[error("{bytes} bytes cannot be written at element {start} of {len} elements of {size} bytes")]
    Window {
        /// The first element.
        start: u64,
        /// The number of bytes.
        bytes: usize,
        /// The number of elements of the tensor.
        len: u64,
        /// The size of an element in bytes.
        size: usize,
    },
    /// What the component may keep on the host is spent.
    #[error("{0}")]
    Limit(LimitReached),
    /// The run is being aborted, or the time of the call is up.
    #[error("stopped")]
    Stopped,
    /// The file behind the tensor failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// An n-dimensional array, elements row-major and little-endian, in memory or in a file.
///
/// A clone shares the data; whichever is written to first gets its own.
#[derive(Clone, Debug)]
pub struct Tensor {
    dtype: Dtype,
    shape: Box<[u64]>,
    /// The number of elements; times the element's size it fits an `i64`.
    len: u64,
    data: Data,
    /// What the data costs a component that made it.
    charge: Option<Arc<Charge>>,
    /// Which tensor that was given to a component it is, while nobody has written to it; 0 where it is none.
    origin: u64,
    /// Who looks on while it is written to.
    watch: Watch,
}

#[derive(Clone, Debug)]
enum Data {
    Source(Source),
    Overlay(Arc<Overlay>),
}

impl Tensor {
    /// A tensor over `bytes`, which are not copied.
    ///
    /// # Errors
    ///
    /// [`TensorError::Shape`] and [`TensorError::Length`].
    ///
    /// ```
    /// use flip_runtime::{Dtype, Tensor};
    ///
    /// let weights: Vec<u8> = [1.0_f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    /// let tensor = Tensor::new(Dtype::Float32, &[2], weights)?;
    /// assert_eq!((tensor.shape(), tensor.len()), (&[2][..], 2));
    /// # Ok::<(), flip_runtime::TensorError>(())
    /// ```
    pub fn new(dtype: Dtype, shape: &[u64], bytes: impl Into<Bytes>) -> Result<Self, TensorError> {
        Self::from_source(dtype, shape, Source::Memory(bytes.into()))
    }

    /// A tensor over a part of a file, which is read as the component asks for it.
    ///
    /// # Errors
    ///
    /// [`TensorError::Shape`] and [`TensorError::Length`].
    pub fn from_file(dtype: Dtype, shape: &[u64], range: FileRange) -> Result<Self, TensorError> {
        Self::from_source(dtype, shape, Source::File(range))
    }

    /// A tensor over what an embedder keeps, which is read as the component asks for it.
    ///
    /// # Errors
    ///
    /// [`TensorError::Shape`] and [`TensorError::Length`].
    pub fn from_elsewhere(
        dtype: Dtype,
        shape: &[u64],
        source: Arc<dyn TensorSource>,
    ) -> Result<Self, TensorError> {
        Self::from_source(dtype, shape, Source::Elsewhere(source))
    }

    /// A tensor of zeroes, which takes no space until it is written to.
    ///
    /// # Errors
    ///
    /// [`TensorError::Shape`].
    pub fn zeros(dtype: Dtype, shape: &[u64]) -> Result<Self, TensorError> {
        let len = elements(dtype, shape)?;
        Self::from_source(dtype, shape, Source::Zeros(len * dtype.size() as u64))
    }

    /// The same, on a component's account.
    pub(crate) fn charged_zeros(dtype: Dtype, shape: &[u64], budget: &Budget) -> Result<Self, TensorError> {
        let mut tensor = Self::zeros(dtype, shape)?;
        tensor.charge = Some(Arc::new(budget.charge(tensor.byte_len())?));
        Ok(tensor)
    }

    /// Puts the tensor on a component's account. Where it is there already and no other tensor shares
    /// that, it stays as it is: new data takes the place of the old.
    pub(crate) fn charge(&mut self, budget: &Budget) -> Result<(), TensorError> {
        if self.charge.as_mut().and_then(Arc::get_mut).is_none() {
            self.charge = Some(Arc::new(budget.charge(self.byte_len())?));
        }
        Ok(())
    }

    /// The tensor, and not the copy, is watched from now on: it is what becomes of the dxo that it was in.
    pub(crate) fn split_off(&mut self) -> Self {
        Self { watch: self.watch.take(), ..self.clone() }
    }

    /// The tensor leaves the component: it no longer pays for it.
    pub(crate) fn release(&mut self) {
        self.charge = None;
    }

    fn from_source(dtype: Dtype, shape: &[u64], source: Source) -> Result<Self, TensorError> {
        let len = elements(dtype, shape)?;
        let expected = len * dtype.size() as u64;
        if source.len() != expected {
            return Err(TensorError::Length { expected, got: source.len() });
        }
        let (shape, data) = (shape.into(), Data::Source(source));
        Ok(Self { dtype, shape, len, data, charge: None, origin: 0, watch: Watch::default() })
    }

    /// The type of every element.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The length of each dimension; empty for a scalar.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The number of elements, 1 for a scalar.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The size of the data in bytes.
    pub fn byte_len(&self) -> u64 {
        self.len * self.dtype.size() as u64
    }

    /// Whether this is what `other` was before anything was written to either.
    pub fn is_unchanged_from(&self, other: &Self) -> bool {
        match (&self.data, &other.data) {
            (Data::Source(one), Data::Source(other)) => one.is(other),
            _ => false,
        }
    }

    /// Which tensor that was given to a component it is; see [`Tensor::give`].
    pub(crate) fn origin(&self) -> u64 {
        self.origin
    }

    /// It is given to a component as this one. What the component makes, or writes to, is another.
    pub(crate) fn give(&mut self, origin: u64) {
        self.origin = origin;
    }

    /// Whether the host keeps its data for a component: in memory, or because the component made it or wrote to it. What
    /// lies in a file is there anyway.
    pub(crate) fn is_kept(&self) -> bool {
        match &self.data {
            Data::Source(Source::File(_)) => false,
            _ => self.is_in_memory() || self.origin == 0,
        }
    }

    /// Whether the data lies in memory, not in a file and not only to be made.
    fn is_in_memory(&self) -> bool {
        match &self.data {
            Data::Source(source) => matches!(source, Source::Memory(_) | Source::Elsewhere(_)),
            Data::Overlay(overlay) => overlay.is_in_memory(),
        }
    }

    /// Whether the data is read from a file, or from what an embedder keeps: that may take long.
    pub(crate) fn is_read(&self) -> bool {
        match &self.data {
            Data::Source(source) => matches!(source, Source::File(_) | Source::Elsewhere(_)),
            Data::Overlay(overlay) => overlay.is_read(),
        }
    }

    /// Up to `len` bytes from byte `offset`; fewer at the end.
    ///
    /// # Errors
    ///
    /// [`TensorError::Io`] where the file behind the tensor fails.
    pub fn read(&self, offset: u64, len: usize) -> Result<Bytes, TensorError> {
        let rest = self.byte_len().saturating_sub(offset);
        let len = usize::try_from(rest).unwrap_or(usize::MAX).min(len);
        Ok(match &self.data {
            Data::Source(source) => source.read(offset, len)?,
            Data::Overlay(overlay) => overlay.read(offset, len)?,
        })
    }

    /// All bytes; without a copy where they lie in memory.
    ///
    /// # Errors
    ///
    /// [`TensorError::Io`] where the file behind the tensor fails.
    pub fn to_bytes(&self) -> Result<Bytes, TensorError> {
        match &self.data {
            Data::Source(Source::Memory(bytes)) => Ok(bytes.clone()),
            _ => self.read(0, usize::MAX),
        }
    }

    /// Replaces whole elements from element `start`. Nothing is written where this fails on its arguments.
    pub(crate) fn write(
        &mut self,
        start: u64,
        bytes: &[u8],
        writing: &Writing<'_>,
    ) -> Result<(), TensorError> {
        let size = self.dtype.size();
        let fits = bytes.len().is_multiple_of(size)
            && start.checked_add((bytes.len() / size) as u64).is_some_and(|end| end <= self.len);
        if !fits {
            return Err(TensorError::Window { start, bytes: bytes.len(), len: self.len, size });
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.origin = 0;
        let watch = self.watch.held();
        let count = (bytes.len() / size) as u64;
        watch.before(self, start, count)?;
        let written = self.write_bytes(start * size as u64, bytes, writing);
        match written {
            Ok(()) => watch.after(self.dtype, start, bytes),
            Err(_) => watch.failed(self, start, count),
        }
        written
    }

    /// Writes at byte `offset`; the caller has checked that the bytes fit.
    fn write_bytes(&mut self, offset: u64, bytes: &[u8], writing: &Writing<'_>) -> Result<(), TensorError> {
        if let Data::Source(source) = &mut self.data
            && source.write_in_place(offset, bytes)
        {
            return Ok(());
        }
        self.own(writing)?;
        if let Data::Overlay(shared) = &mut self.data
            && let Some(overlay) = Arc::get_mut(shared)
        {
            overlay.write(offset, bytes)?;
            if let Some(source) = overlay.settle() {
                self.data = Data::Source(source);
            }
        }
        Ok(())
    }

    /// Makes the data an overlay that nobody else holds, on the component's account.
    fn own(&mut self, writing: &Writing<'_>) -> Result<(), TensorError> {
        let overlay = match &mut self.data {
            Data::Overlay(shared) => {
                if Arc::get_mut(shared).is_some() {
                    return Ok(());
                }
                let copy = shared.clone();
                self.charge(writing.budget)?;
                copy.copy(writing)?
            }
            Data::Source(source) => {
                let source = source.clone();
                self.charge(writing.budget)?;
                Overlay::new(source, writing.scratch)?
            }
        };
        self.data = Data::Overlay(Arc::new(overlay));
        Ok(())
    }

    /// The offset at which the whole tensor lies in `file`; blocks that were not written are copied
    /// there first. None where what was written is elsewhere, or nothing was.
    pub(crate) fn complete_in(&mut self, file: &ScratchFile) -> Result<Option<u64>, TensorError> {
        match &mut self.data {
            Data::Overlay(shared) => match Arc::get_mut(shared) {
                Some(overlay) => Ok(overlay.complete_in(file)?),
                None => Ok(None),
            },
            Data::Source(_) => Ok(None),
        }
    }
}

/// What a component's writing goes by.
pub(crate) struct Writing<'a> {
    /// Where new data goes.
    pub(crate) scratch: &'a Scratch,
    /// Who pays for it.
    pub(crate) budget: &'a Budget,
    /// Fails where the call should end.
    pub(crate) go_on: &'a dyn Fn() -> Result<(), TensorError>,
}

/// So many zeroes, or an error where there is no such memory; it is taken when it is first touched.
fn zeroed<T: bytemuck::Zeroable>(len: u64) -> std::io::Result<Vec<T>> {
    let len = usize::try_from(len).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
    bytemuck::allocation::try_zeroed_vec(len).map_err(|()| std::io::ErrorKind::OutOfMemory.into())
}

/// The size in bytes of a tensor of this shape.
pub(crate) fn bytes_of(dtype: Dtype, shape: &[u64]) -> Result<u64, TensorError> {
    Ok(elements(dtype, shape)? * dtype.size() as u64)
}

/// The number of elements of a shape.
fn elements(dtype: Dtype, shape: &[u64]) -> Result<u64, TensorError> {
    let error = |reason| TensorError::Shape {
        shape: format!("{:?}", shape.get(..MAX_DIMENSIONS).unwrap_or(shape)),
        reason,
    };
    if shape.len() > MAX_DIMENSIONS {
        return Err(error("more than 32 dimensions"));
    }
    // As NumPy has it, a dimension of length 0 makes the tensor empty however long the others are;
    // the product of the others must still be one that can be counted.
    shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length))
        .filter(|len| len.checked_mul(dtype.size() as u64).is_some_and(|bytes| bytes <= i64::MAX as u64))
        .ok_or_else(|| error("more than 2^63 - 1 bytes"))
}
