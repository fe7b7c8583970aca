//! Memory of the runtime that an array of NumPy's takes over.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// What an array takes over: its base.
#[pyclass(frozen)]
pub struct Memory {
    /// Kept, and no more: the array alone reads and writes it, at the address that it was told.
    _bytes: Vec<u8>,
    address: usize,
    typestr: &'static str,
    shape: Vec<u64>,
}

impl Memory {
    /// The memory of elements of this type.
    pub fn new(mut bytes: Vec<u8>, typestr: &'static str, shape: &[u64]) -> Self {
        let address = bytes.as_mut_ptr().expose_provenance();
        Self { _bytes: bytes, address, typestr, shape: shape.to_vec() }
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
        interface.set_item("data", (self.address, false))?;
        Ok(interface)
    }
}
