//! NumPy's arrays as the data of tensors, as they lie in memory.
//!
//! NumPy's array interface tells where elements lie; it is read off real `numpy.ndarray`s alone, never off an object
//! that merely looks like one.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::tensor::TensorSource;

/// Where an array's elements lie.
pub enum Elements {
    /// One after the other.
    Contiguous(Bytes),
    /// With gaps, backwards, or in another order.
    Strided(Arc<dyn TensorSource>),
}

/// The elements of a `numpy.ndarray` of this item size, in the order of the indices. The array is kept alive
/// as long as they are.
///
/// Whoever changes the array while a component reads it, on another thread, races with it: what is read then is
/// anything. It must not be given other memory meanwhile: NumPy refuses to, unless it is told not to count references
/// (`resize(refcheck=False)`) or the array's inner state is set.
///
/// # Errors
///
/// A `TypeError` where it is no `numpy.ndarray`, or its elements have another size.
pub fn elements(array: &Bound<'_, PyAny>, item: usize) -> PyResult<Elements> {
    let ndarray = array.py().import("numpy")?.getattr("ndarray")?;
    if !array.get_type().is(&ndarray) {
        return Err(PyTypeError::new_err("not a numpy.ndarray"));
    }
    // A dtype can be made that bears another's name.
    if array.getattr("itemsize")?.extract::<usize>()? != item {
        return Err(PyTypeError::new_err("the elements have not the size of their dtype"));
    }
    let interface = array.getattr("__array_interface__")?;
    let (start, _): (usize, bool) = interface.get_item("data")?.extract()?;
    let shape: Vec<usize> = interface.get_item("shape")?.extract()?;
    let strides: Option<Vec<isize>> = interface.get_item("strides")?.extract()?;
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
    let len = count.and_then(|count| count.checked_mul(item));
    let len = len.ok_or_else(|| PyTypeError::new_err("the array is too large"))?;
    if len == 0 {
        return Ok(Elements::Contiguous(Bytes::new()));
    }
    let lent = Lent { start, _array: array.clone().unbind() };
    Ok(match strides {
        None => Elements::Contiguous(Bytes::from_owner(Contiguous { lent, len })),
        Some(strides) => Elements::Strided(Arc::new(Strided { lent, shape, strides, item, len })),
    })
}

/// The memory of an array: that of the first element is at `start`, and is not null. Any thread may drop the array.
struct Lent {
    start: usize,
    _array: Py<PyAny>,
}

impl Lent {
    /// `len` bytes of the array's elements, so far behind the first one, or before it.
    fn bytes(&self, offset: isize, len: usize) -> &[u8] {
        let start = std::ptr::with_exposed_provenance::<u8>(self.start.wrapping_add_signed(offset));
        // SAFETY: both callers stay within elements of which NumPy said where they lie, and `_array` keeps the array,
        // which keeps its memory as long as nobody takes it away by the means that `elements` rules out. Nobody may write to
        // the array meanwhile, `elements` says; where a program does, bytes of any value are bytes, and they are only
        // copied: into a component's memory, a buffer or a digest, never read twice to be held to what they were.
        unsafe { std::slice::from_raw_parts(start, len) }
    }
}

/// An array whose elements lie one after the other.
struct Contiguous {
    lent: Lent,
    len: usize,
}

impl AsRef<[u8]> for Contiguous {
    fn as_ref(&self) -> &[u8] {
        self.lent.bytes(0, self.len)
    }
}

/// An array whose elements lie anywhere.
struct Strided {
    lent: Lent,
    shape: Vec<usize>,
    /// In bytes.
    strides: Vec<isize>,
    item: usize,
    len: usize,
}

impl TensorSource for Strided {
    fn len(&self) -> u64 {
        self.len as u64
    }

    fn read_into(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = offset.checked_add(buffer.len()).filter(|end| *end <= self.len);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut element = offset / self.item;
        let mut skip = offset % self.item;
        let mut rest = buffer;
        while !rest.is_empty() {
            // As many elements as lie at equal distances; next to each other they are one piece.
            let (start, stride, run) = self.run(element);
            let run = run.min((skip + rest.len()).div_ceil(self.item));
            let (size, pieces) = match stride == self.item as isize {
                true => (run * self.item, 1),
                false => (self.item, run),
            };
            for nth in 0..pieces {
                let part = rest.split_off_mut(..rest.len().min(size - skip)).unwrap_or_default();
                let elements = self.lent.bytes(stride.wrapping_mul(nth as isize).wrapping_add(start), size);
                if let Some(elements) = elements.get(skip..skip + part.len()) {
                    part.copy_from_slice(elements);
                }
                skip = 0;
            }
            element += run;
        }
        Ok(())
    }
}

impl Strided {
    /// Where the element of this number lies, how far it is from there to the next, and how many there are at that
    /// distance, this one included.
    fn run(&self, mut element: usize) -> (isize, isize, usize) {
        let (mut place, mut stride, mut run) = (0, 0, 1);
        for (nth, (length, distance)) in self.shape.iter().zip(&self.strides).rev().enumerate() {
            let index = element % length;
            element /= length;
            place = distance.wrapping_mul(index as isize).wrapping_add(place);
            if nth == 0 {
                (stride, run) = (*distance, length - index);
            }
        }
        (place, stride, run)
    }
}
