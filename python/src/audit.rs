//! `flip_wasm.AuditTrail`: what a program let components do.

use std::path::PathBuf;
use std::sync::Arc;

use flip_runtime::audit::{AuditTrail as Trail, Carried, DataEntry, RunKind, Start};
use flip_runtime::{Dxo, Error, Filtered, FlContext, Instance, Shareable};
use pyo3::prelude::*;

use crate::error::OrRaise;

/// What the trail calls the task of a filter that Python calls itself.
pub const TASK: &str = "filter";

/// And that of a locator's model.
pub const LOCATE: &str = "locate-model";

/// An audit trail, in a new file. `flip-wasm audit` checks it.
#[pyclass(frozen, module = "flip_wasm")]
pub struct AuditTrail {
    trail: Trail,
}

#[pymethods]
impl AuditTrail {
    /// Starts a trail; nothing may be at the path.
    #[new]
    #[pyo3(signature = (path, *, job_id = None))]
    fn new(py: Python<'_>, path: PathBuf, job_id: Option<String>) -> PyResult<Self> {
        let start = Start { job_id, ..Start::new(RunKind::Program) };
        Ok(Self { trail: py.detach(|| Trail::create(&path, start)).or_raise(py)? })
    }

    /// Ends it; the digest that stands for the whole of it. No component that it follows is entered any more.
    fn finish(&self, py: Python<'_>) -> PyResult<String> {
        let digest = py.detach(|| self.trail.finish(None)).or_raise(py)?;
        Ok(digest.to_string())
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
        // It may have been ended already.
        if self.trail.check().is_ok() {
            self.finish(py)?;
        }
        Ok(())
    }
}

/// A trail, and the place of a component in it.
#[derive(Clone)]
pub struct Audit {
    pub trail: Trail,
    pub place: String,
}

impl Audit {
    pub fn of(trail: &AuditTrail, place: Option<&str>) -> Self {
        Self { trail: trail.trail.clone(), place: place.unwrap_or("python").to_owned() }
    }

    /// Filters, and notes what came in and what went out.
    pub fn filter(
        &self,
        instance: &mut Instance,
        dxo: Dxo,
        context: &Arc<FlContext>,
    ) -> Result<Filtered, Error> {
        self.trail.comes_in(&self.place, TASK, &dxo)?;
        let filtered = instance.filter(dxo, context);
        self.goes_out(TASK, filtered.as_ref().map(|filtered| Carried::from(&filtered.dxo)))?;
        filtered
    }

    /// Has a task carried out, and notes what came in and what went out.
    pub fn execute(
        &self,
        instance: &mut Instance,
        task: &str,
        data: Shareable,
        context: &Arc<FlContext>,
    ) -> Result<Shareable, Error> {
        self.trail.comes_in(&self.place, task, &data)?;
        let reply = instance.execute(task, data, context);
        self.goes_out(task, reply.as_ref().map(Carried::from))?;
        reply
    }

    /// Has a model looked for, and notes what went out.
    pub fn locate_model(
        &self,
        instance: &mut Instance,
        name: Option<&str>,
        context: &Arc<FlContext>,
    ) -> Result<Option<Dxo>, Error> {
        let found = instance.locate_model(name, context);
        self.goes_out(LOCATE, found.as_ref().map(|model| model.as_ref().into()))?;
        found
    }

    /// Notes what the context of a call carries in.
    pub fn context(&self, call: &str, context: &FlContext) -> Result<(), Error> {
        self.trail.event_comes_in(&self.place, call, &context.props, &context.shareables)
    }

    fn goes_out(&self, task: &str, data: Result<Carried<'_>, &Error>) -> Result<(), Error> {
        self.trail.data_out(match data {
            Ok(data) => DataEntry::of(&self.place, task, data)?,
            Err(error) => DataEntry::refused(&self.place, task, error.code()),
        })
    }
}
