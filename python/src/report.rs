//! What a run did, as a page.

use std::path::PathBuf;

use flip_runtime::report;
use pyo3::prelude::*;

use crate::error::OrRaise;

/// The page that shows a report, or an audit trail, whichever the file is.
#[pyfunction]
pub fn report_page(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    py.detach(|| report::read_file(&path).map(|report| report::html(&report))).or_raise(py)
}
