//! The Rust half of the Python package `flip_wasm`: the runtime, its components and their instances, as
//! classes. Data objects and contexts are plain Python objects, read by their attributes.

mod array;
mod audit;
mod call;
mod context;
mod dxo;
mod error;
mod host;
mod instance;
mod json;
mod memory;
mod report;
mod runtime;

use pyo3::prelude::*;

/// The names of the built-in components, and the classes that they stand for.
#[pyfunction]
fn builtins() -> Vec<(&'static str, &'static str, &'static str)> {
    flip_runtime::BUILTINS.iter().map(|builtin| (builtin.name, builtin.class, builtin.summary)).collect()
}

#[pymodule]
fn _flip_wasm(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(builtins, module)?)?;
    module.add_function(wrap_pyfunction!(report::report_page, module)?)?;
    module.add_function(wrap_pyfunction!(runtime::compile_worker, module)?)?;
    module.add_class::<runtime::Runtime>()?;
    module.add_class::<runtime::Component>()?;
    module.add_class::<instance::Instance>()?;
    module.add_class::<audit::AuditTrail>()?;
    module.add_class::<host::HttpHub>()?;
    module.add_class::<host::ObjectStore>()?;
    error::add_to(module)
}
