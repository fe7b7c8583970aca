//! NumPy's arrays as tensors, and tensors as arrays.

use flip_runtime::numpy::{Elements, elements};
use flip_runtime::{Dtype, Tensor};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use crate::memory::Memory;

/// NumPy, which is imported when the first array comes.
pub fn numpy(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(NUMPY.get_or_try_init(py, || Ok::<_, PyErr>(py.import("numpy")?.unbind()))?.bind(py))
}

/// The types of elements, with NumPy's names for them in native order.
const DTYPES: [(Dtype, &str); 12] = [
    (Dtype::Bool, "|b1"),
    (Dtype::Int8, "|i1"),
    (Dtype::Int16, "<i2"),
    (Dtype::Int32, "<i4"),
    (Dtype::Int64, "<i8"),
    (Dtype::Uint8, "|u1"),
    (Dtype::Uint16, "<u2"),
    (Dtype::Uint32, "<u4"),
    (Dtype::Uint64, "<u8"),
    (Dtype::Float16, "<f2"),
    (Dtype::Float32, "<f4"),
    (Dtype::Float64, "<f8"),
];

/// An array, a NumPy scalar or a torch tensor as a tensor; its memory is shared, not copied, unless its bytes
/// have to be swapped. The text of an error begins with the tensor's name.
pub fn tensor_of(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let py = value.py();
    let numpy = numpy(py)?;
    let mut bfloat16 = false;
    let array = if value.hasattr(intern!(py, "detach"))? {
        let tensor = value.call_method0("detach")?.call_method0("cpu")?;
        bfloat16 = tensor.getattr("dtype")?.str()? == "torch.bfloat16";
        let tensor = match bfloat16 {
            // NumPy has no bfloat16 of its own.
            true => tensor.call_method1("view", (py.import("torch")?.getattr("int16")?,))?,
            false => tensor,
        };
        tensor.call_method0("numpy")?
    } else if value.hasattr(intern!(py, "dtype"))? {
        value.clone()
    } else {
        let kind = value.get_type().fully_qualified_name()?;
        return Err(PyTypeError::new_err(format!("{name}: a numpy.ndarray is needed, not {kind}")));
    };
    let mut array = numpy.call_method1("asarray", (array,))?;
    let mut dtype = array.getattr("dtype")?;
    if dtype.getattr("byteorder")?.extract::<String>()? == ">" {
        dtype = dtype.call_method1("newbyteorder", ("<",))?;
        array = array.call_method1("astype", (&dtype,))?;
    }
    let dtype = if bfloat16 || dtype.getattr("name")?.extract::<String>()? == "bfloat16" {
        Dtype::Bfloat16
    } else {
        let typestr: String = dtype.getattr("str")?.extract()?;
        let known = DTYPES.iter().find(|(_, known)| *known == typestr);
        known.map(|(dtype, _)| *dtype).ok_or_else(|| {
            PyTypeError::new_err(format!("{name}: arrays of dtype {dtype} cannot be exchanged"))
        })?
    };
    let shape: Vec<u64> = array.getattr("shape")?.extract()?;
    let tensor = match elements(&array, dtype.size())? {
        Elements::Contiguous(bytes) => Tensor::new(dtype, &shape, bytes),
        Elements::Strided(source) => Tensor::from_elsewhere(dtype, &shape, source),
    };
    tensor.map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
}

/// A tensor as an array that owns its memory; one without dimensions as a NumPy scalar.
pub fn array_of<'py>(py: Python<'py>, tensor: Tensor) -> PyResult<Bound<'py, PyAny>> {
    let numpy = numpy(py)?;
    let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
    let typestr = match DTYPES.iter().find(|(known, _)| *known == dtype) {
        Some((_, typestr)) => *typestr,
        // Seen as integers until somebody who knows the type takes over.
        None => "<u2",
    };
    let array = if tensor.is_empty() {
        numpy.call_method1("empty", (PyTuple::new(py, &shape)?, typestr))?
    } else {
        let bytes = py.detach(|| {
            let bytes = tensor.to_bytes()?;
            drop(tensor);
            // Without a copy where nobody else holds them.
            Ok::<_, flip_runtime::TensorError>(Vec::from(bytes))
        });
        let bytes = bytes.map_err(|error| crate::error::raised(py, &error.into()))?;
        numpy.call_method1("asarray", (Memory::new(bytes, typestr, &shape),))?
    };
    let array = match dtype {
        Dtype::Bfloat16 => {
            let bfloat16 = py.import("ml_dtypes").map_err(|_| {
                PyTypeError::new_err("bfloat16 arrays need the package ml_dtypes, which is not installed")
            })?;
            array.call_method1("view", (bfloat16.getattr("bfloat16")?,))?
        }
        _ => array,
    };
    match shape.is_empty() {
        true => array.get_item(PyTuple::empty(py)),
        false => Ok(array),
    }
}
