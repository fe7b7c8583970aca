//! `flip_wasm.Instance`: a configured component.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flip_runtime::services::Caller;
use flip_runtime::{DataKind, Error, FlContext, Leaf, Outcome};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tokio::runtime::Handle;

use crate::audit::{Audit, LOCATE, TASK};
use crate::call::{Desk, call};
use crate::context::context_of;
use crate::dxo::{Given, dxo_of, exchange, object_of, shareable_object, shareable_of};
use crate::error::{OrRaise, raised};
use crate::json::{from_json, to_json};

/// A configured component, entered one call at a time.
#[pyclass(frozen, module = "flip_wasm")]
pub struct Instance {
    /// None while it is entered.
    inner: Arc<Mutex<Option<flip_runtime::Instance>>>,
    name: String,
    desk: Arc<Desk>,
    tokio: Handle,
    /// Where what it filters is noted.
    audit: Option<Audit>,
}

impl Instance {
    pub fn new(
        instance: flip_runtime::Instance,
        desk: Arc<Desk>,
        tokio: Handle,
        audit: Option<Audit>,
    ) -> Self {
        let name = instance.name().to_owned();
        Self { inner: Arc::new(Mutex::new(Some(instance))), name, desk, tokio, audit }
    }

    fn busy(&self) -> Error {
        Error::Busy { component: self.name.clone() }
    }

    /// Looks at it while nobody is in it.
    fn peek<T>(&self, py: Python<'_>, look: impl FnOnce(&flip_runtime::Instance) -> T) -> PyResult<T> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.as_ref().map(look).ok_or_else(|| raised(py, &self.busy()))
    }

    /// Enters it. What the context carries is noted as coming in with this call.
    fn enter<T: Send + 'static>(
        &self,
        py: Python<'_>,
        name: &str,
        context: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&mut flip_runtime::Instance, &Arc<FlContext>) -> Result<T, Error> + Send + 'static,
    ) -> PyResult<T> {
        let given = context_of(context)?;
        let taken = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut instance = taken.ok_or_else(|| raised(py, &self.busy()))?;
        let (inner, abort) = (self.inner.clone(), given.abort.clone());
        let (audit, name) = (self.audit.clone(), name.to_owned());
        let work = move || {
            let noted = audit.map_or(Ok(()), |audit| audit.context(&name, &given));
            let result = noted.and_then(|()| work(&mut instance, &given));
            *inner.lock().unwrap_or_else(PoisonError::into_inner) = Some(instance);
            result
        };
        call(py, &self.desk, &self.tokio, context, &abort, work)?.or_raise(py)
    }
}

/// A call of Python's own.
fn caller<'a>(instance: &flip_runtime::Instance, context: &'a Arc<FlContext>) -> Caller<'a> {
    let now = Instant::now();
    Caller { id: "python", context, deadline: now.checked_add(instance.limits().call_time).unwrap_or(now) }
}

#[pymethods]
impl Instance {
    /// Its name in logs, errors and filter histories.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The limits that it runs within.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let limits = self.peek(py, |instance| serde_json::to_string(instance.limits()))?;
        loads(py, limits)
    }

    /// What it has used so far.
    #[getter]
    fn usage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let usage = self.peek(py, |instance| serde_json::to_string(&instance.usage()))?;
        loads(py, usage)
    }

    /// The kinds of data that it filters; none stands for all.
    #[getter]
    fn data_kinds(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        self.peek(py, |instance| instance.data_kinds().iter().map(|kind| DataKind::name(*kind)).collect())
    }

    /// The event types that it handles; `None` stands for all, and for a component that handles none.
    #[getter]
    fn interests(&self, py: Python<'_>) -> PyResult<Option<Vec<String>>> {
        self.peek(py, |instance| instance.event_types().map(|types| types.map(str::to_owned).collect()))
    }

    /// Whether it handles events of this type.
    fn is_interested(&self, py: Python<'_>, event_type: &str) -> PyResult<bool> {
        self.peek(py, |instance| instance.is_interested(event_type))
    }

    /// Filters a dxo. Where this raises, nothing of the dxo may leave; the dxo is as it was.
    #[pyo3(signature = (dxo, context = None))]
    fn filter<'py>(
        &self,
        dxo: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = dxo.py();
        let before = dxo_of(dxo)?;
        let data = before.clone();
        let audit = self.audit.clone();
        let filtered = self.enter(py, TASK, context, move |instance, context| match audit {
            Some(audit) => audit.filter(instance, data, context),
            None => instance.filter(data, context),
        })?;
        let object = object_of(py, filtered.dxo, Some(&Given { object: dxo, dxo: &before }))?;
        let leaves = filtered.leaves.iter().map(|leaf| leaf_object(py, leaf));
        let leaves = PyTuple::new(py, leaves.collect::<PyResult<Vec<_>>>()?)?;
        exchange(py, "Filtered")?.call1((object, leaves))
    }

    /// Has an executor carry out a task.
    #[pyo3(signature = (task, data = None, context = None))]
    fn execute<'py>(
        &self,
        py: Python<'py>,
        task: String,
        data: Option<&Bound<'py, PyAny>>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let data = shareable_of(data.unwrap_or(py.None().bind(py)))?;
        let (audit, call) = (self.audit.clone(), task.clone());
        let reply = self.enter(py, &call, context, move |instance, context| match audit {
            Some(audit) => audit.execute(instance, &task, data, context),
            None => instance.execute(&task, data, context),
        })?;
        shareable_object(py, reply)
    }

    /// Has an event handler handle an event.
    #[pyo3(signature = (event_type, context = None))]
    fn handle_event(
        &self,
        py: Python<'_>,
        event_type: String,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let call = event_type.clone();
        self.enter(py, &call, context, move |instance, context| instance.handle_event(&event_type, context))
    }

    /// Has a results generator handle an event of the evaluation.
    #[pyo3(signature = (event_type, context = None))]
    fn handle_evaluation_event(
        &self,
        py: Python<'_>,
        event_type: String,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let call = event_type.clone();
        self.enter(py, &call, context, move |instance, context| {
            instance.handle_evaluation_event(&event_type, caller(instance, context))
        })
    }

    /// Whether every evaluation task failed and none produced metrics.
    fn all_tasks_failed(&self, py: Python<'_>) -> PyResult<bool> {
        self.enter(py, "all-tasks-failed", None, |instance, context| {
            instance.all_tasks_failed(caller(instance, context))
        })
    }

    /// Has a results persistor upload and clean up.
    #[pyo3(signature = (context = None))]
    fn persist(&self, py: Python<'_>, context: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.enter(py, "persist", context, |instance, context| instance.persist(caller(instance, context)))
    }

    /// Has a results persistor upload; where that fails, it cleans up too.
    #[pyo3(signature = (context = None))]
    fn upload_results(&self, py: Python<'_>, context: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.enter(py, "upload-results", context, |instance, context| {
            instance.upload_results(caller(instance, context))
        })
    }

    /// Has a results persistor clean up, without an upload.
    #[pyo3(signature = (context = None))]
    fn clean_up(&self, py: Python<'_>, context: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.enter(py, "clean-up", context, |instance, context| instance.clean_up(caller(instance, context)))
    }

    /// The names of the models that a locator finds.
    #[pyo3(signature = (context = None))]
    fn model_names(&self, py: Python<'_>, context: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
        self.enter(py, "model-names", context, |instance, context| instance.model_names(context))
    }

    /// The model of this name, a collection of all models without a name; `None` where it is not found.
    #[pyo3(signature = (name = None, context = None))]
    fn locate_model<'py>(
        &self,
        py: Python<'py>,
        name: Option<String>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let audit = self.audit.clone();
        let found = self.enter(py, LOCATE, context, move |instance, context| match audit {
            Some(audit) => audit.locate_model(instance, name.as_deref(), context),
            None => instance.locate_model(name.as_deref(), context),
        })?;
        found.map(|dxo| object_of(py, dxo, None)).transpose()
    }

    /// What it remembers between calls; `None` where it does not say.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let state = self.enter(py, "state", None, |instance, _| instance.state())?;
        state.map(|state| from_json(py, &state)).transpose()
    }

    /// Replaces what it remembers; it keeps what it had where it cannot have this.
    fn set_state(&self, py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let state = to_json(state)?
            .ok_or_else(|| pyo3::exceptions::PyTypeError::new_err("the state has no JSON form"))?;
        self.enter(py, "set-state", None, move |instance, _| instance.set_state(&state))
    }

    fn __repr__(&self) -> String {
        format!("<flip_wasm.Instance {}>", self.name)
    }
}

fn leaf_object<'py>(py: Python<'py>, leaf: &Leaf) -> PyResult<Bound<'py, PyAny>> {
    let (outcome, reason) = match &leaf.outcome {
        Outcome::Filtered => ("filtered", None),
        Outcome::Unchanged(reason) => ("unchanged", Some(reason)),
        Outcome::PassedBy(reason) => ("passed-by", Some(reason)),
    };
    let gauges = PyDict::new(py);
    leaf.gauges.iter().try_for_each(|(name, value)| gauges.set_item(name, value))?;
    exchange(py, "Leaf")?.call1((&leaf.path, outcome, reason, gauges))
}

/// What serde wrote, as a Python value.
pub fn loads<'py>(py: Python<'py>, text: serde_json::Result<String>) -> PyResult<Bound<'py, PyAny>> {
    let text = text.map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}
