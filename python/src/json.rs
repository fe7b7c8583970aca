//! Plain Python values as JSON texts, and back: `flip_wasm._json` does both, as Python's json module does.

use flip_runtime::Json;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

fn function<'py>(
    cell: &'static PyOnceLock<Py<PyAny>>,
    py: Python<'py>,
    name: &str,
) -> PyResult<&'py Bound<'py, PyAny>> {
    let function =
        cell.get_or_try_init(py, || Ok::<_, PyErr>(py.import("flip_wasm._json")?.getattr(name)?.unbind()))?;
    Ok(function.bind(py))
}

/// A value as JSON; none where it has no JSON form.
pub fn to_json(value: &Bound<'_, PyAny>) -> PyResult<Option<Json>> {
    static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let text = match function(&DUMPS, value.py(), "dumps")?.call1((value,)) {
        Ok(text) => text.extract::<String>()?,
        Err(error)
            if error.is_instance_of::<PyTypeError>(value.py())
                || error.is_instance_of::<PyValueError>(value.py()) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    Ok(Json::parse(text).ok())
}

/// JSON as a value.
pub fn from_json<'py>(py: Python<'py>, json: &Json) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    function(&LOADS, py, "loads")?.call1((PyString::new(py, json.text()),))
}
