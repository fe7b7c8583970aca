//! The directories that grants name.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flip_runtime::services::{Directories, Layout, Root};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use super::Served;

/// A mapping from the names of directories to their paths; or an object whose method `open` answers with the
/// path for a name, `None` where there is none.
pub fn of(
    object: Bound<'_, PyAny>,
    served: &impl Fn(Bound<'_, PyAny>) -> Served,
) -> PyResult<Arc<dyn Directories>> {
    let Ok(mapping) = object.cast::<PyMapping>() else {
        return Ok(Arc::new(PythonDirectories(served(object))));
    };
    let mut layout = Layout::new();
    for item in mapping.items()? {
        let (name, path): (String, PathBuf) = item.extract()?;
        let root = Root::ALL.into_iter().find(|root| root.name() == name).ok_or_else(|| {
            let known = Root::ALL.map(Root::name).join(", ");
            PyValueError::new_err(format!("no directory is called {name:?}; there are {known}"))
        })?;
        layout = layout.with(root, path);
    }
    Ok(Arc::new(layout))
}

struct PythonDirectories(Served);

impl Directories for PythonDirectories {
    fn open(&self, root: Root) -> io::Result<Dir> {
        let path = self.0.ask(move |object, context| {
            object.call_method1("open", (root.name(), context))?.extract::<Option<PathBuf>>()
        });
        let path = path.map_err(|error| io::Error::other(error.to_string()))?;
        Dir::open_ambient_dir(path.ok_or(io::ErrorKind::NotFound)?, ambient_authority())
    }
}
