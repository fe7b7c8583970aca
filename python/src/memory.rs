//! Memory that NumPy and the runtime share: the only `unsafe` of this crate.
//!
//! An array goes in as it lies in memory, and what comes out is memory that an array takes over. NumPy's
//! array interface tells where elements lie; it is read off real `numpy.ndarray`s alone, never off an object
//! that merely looks like one.
#![allow(unsafe_code, reason = "NumPy's arrays are borrowed, and given memory, through pointers")]

use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use bytes::Bytes;
use flip_runtime::TensorSource;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::array::numpy;

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
/// Whoever changes the array while a component reads it, on another thread, decides what the component reads. It
/// must not be given other memory meanwhile: NumPy refuses to, unless it is told not to count references
/// (`resize(refcheck=False)`) or the array's inner state is set.
pub fn elements(array: &Bound<'_, PyAny>, item: usize) -> PyResult<Elements> {
    let ndarray = numpy(array.py())?.getattr("ndarray")?;
    if !array.get_type().is(&ndarray) {
        return Err(PyTypeError::new_err("not a numpy.ndarray"));
    }
    // A dtype can be made that bears another's name.
    if array.getattr("itemsize")?.extract::<usize>()? != item {
        return Err(PyTypeError::new_err("the elements have not the size of their dtype"));
    }
    let interface = array.getattr("__array_interface__")?;
    let (address, _): (usize, bool) = interface.get_item("data")?.extract()?;
    let shape: Vec<usize> = interface.get_item("shape")?.extract()?;
    let strides: Option<Vec<isize>> = interface.get_item("strides")?.extract()?;
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
    let len = count.and_then(|count| count.checked_mul(item));
    let len = len.ok_or_else(|| PyTypeError::new_err("the array is too large"))?;
    if len == 0 {
        return Ok(Elements::Contiguous(Bytes::new()));
    }
    let array = array.clone().unbind();
    let start = address as *const u8;
    Ok(match strides {
        None => Elements::Contiguous(Bytes::from_owner(Borrowed { start, len, _array: array })),
        Some(strides) => {
            Elements::Strided(Arc::new(Strided { start, shape, strides, item, len, _array: array }))
        }
    })
}

/// An array whose elements lie one after the other.
struct Borrowed {
    start: *const u8,
    len: usize,
    _array: Py<PyAny>,
}

// SAFETY: the pointer is only read through, and what it points to is kept by `_array`, which any thread may
// drop.
unsafe impl Send for Borrowed {}
// SAFETY: as above; nothing here changes.
unsafe impl Sync for Borrowed {}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: NumPy said that `len` bytes lie at `start`, and `_array` keeps the array, which keeps its
        // memory as long as nobody takes it away by the means that `elements` rules out. `start` is not null,
        // since `len` is not 0.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

/// An array whose elements lie anywhere.
struct Strided {
    start: *const u8,
    shape: Vec<usize>,
    /// In bytes.
    strides: Vec<isize>,
    item: usize,
    len: usize,
    _array: Py<PyAny>,
}

// SAFETY: as for `Borrowed`.
unsafe impl Send for Strided {}
// SAFETY: as for `Borrowed`.
unsafe impl Sync for Strided {}

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
                // SAFETY: the elements are the array's, so NumPy vouches for the `size` bytes at this place;
                // `skip` and the part's length stay within them. The buffer is the caller's own.
                unsafe {
                    let from = self.start.offset(start + stride * (nth as isize)).add(skip);
                    std::ptr::copy_nonoverlapping(from, part.as_mut_ptr(), part.len());
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
            place += distance * (index as isize);
            if nth == 0 {
                (stride, run) = (*distance, length - index);
            }
        }
        (place, stride, run)
    }
}

/// Memory that an array takes over: its base.
#[pyclass(frozen)]
pub struct Memory {
    start: *mut u8,
    len: usize,
    capacity: usize,
    typestr: &'static str,
    shape: Vec<u64>,
}

// SAFETY: the memory belongs to this object; nothing here reads or writes it before it is dropped, and the
// arrays over it keep this object.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// The memory of elements of this type.
    pub fn new(bytes: Vec<u8>, typestr: &'static str, shape: &[u64]) -> Self {
        let mut bytes = ManuallyDrop::new(bytes);
        let (start, len, capacity) = (bytes.as_mut_ptr(), bytes.len(), bytes.capacity());
        Self { start, len, capacity, typestr, shape: shape.to_vec() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: these are the parts of the vector that `new` took apart, and nobody has freed it since.
        drop(unsafe { Vec::from_raw_parts(self.start, self.len, self.capacity) });
    }
}

#[pymethods]
impl Memory {
    /// Where the elements lie; they may be written to.
    #[getter(__array_interface__)]
    fn array_interface<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", self.typestr)?;
        interface.set_item("shape", PyTuple::new(py, &self.shape)?)?;
        interface.set_item("data", (self.start as usize, false))?;
        Ok(interface)
    }
}
