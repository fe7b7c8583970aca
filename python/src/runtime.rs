//! `flip_wasm.Runtime` and `flip_wasm.Component`.

use std::path::PathBuf;
use std::sync::Arc;

use flip_runtime::{Admitted, Compiler, Inspection, Limits, Policy, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::audit::{Audit, AuditTrail};
use crate::call::{Desk, call};
use crate::error::OrRaise;
use crate::host::services_of;
use crate::instance::{Instance, loads};

/// Where components are loaded and run.
#[pyclass(frozen, module = "flip_wasm")]
pub struct Runtime {
    runtime: flip_runtime::Runtime,
    policy: Policy,
    /// What no component may pass, as JSON.
    limits: String,
}

#[pymethods]
impl Runtime {
    /// A runtime that lets no component pass these limits, with the policy of this file, and compiled components kept in this
    /// folder: the user's cache by default, none for `False`.
    #[new]
    #[pyo3(signature = (*, limits = None, policy = None, cache = None))]
    fn new(
        py: Python<'_>,
        limits: Option<&Bound<'_, PyAny>>,
        policy: Option<PathBuf>,
        cache: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let text = limits.map_or_else(|| Ok("{}".to_owned()), dumps)?;
        let limits = serde_json::from_str::<Limits>(&text)
            .map_err(|error| PyValueError::new_err(format!("limits: {error}")))?;
        let builder = flip_runtime::Runtime::builder().limits(limits).compiler(compiler(py)?);
        let builder = match cache {
            None => builder.user_cache(),
            Some(cache) => match cache.extract::<bool>() {
                Ok(true) => builder.user_cache(),
                Ok(false) => builder,
                Err(_) => builder.cache(cache.extract::<PathBuf>()?),
            },
        };
        let policy = policy.map(|path| Policy::read(&path)).transpose().or_raise(py)?;
        let runtime = py.detach(|| builder.build()).or_raise(py)?;
        Ok(Self { runtime, policy: policy.unwrap_or_default(), limits: text })
    }

    /// The default limits.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, serde_json::to_string(self.runtime.limits()))
    }

    /// Loads a component: a built-in by its name or class, or the file of any other (`*.wasm`). `id` is its
    /// id in the job, for the policy; `sha256` the digest that its file must have.
    #[pyo3(signature = (component, *, id = None, sha256 = None))]
    fn load(
        &self,
        py: Python<'_>,
        component: PathBuf,
        id: Option<&str>,
        sha256: Option<&str>,
    ) -> PyResult<Component> {
        let pin = sha256.map(|text| text.to_ascii_lowercase().parse()).transpose();
        let pin = pin.map_err(|error: String| PyValueError::new_err(error))?;
        let name = component.to_str().ok_or_else(|| PyValueError::new_err("the path is not UTF-8"))?;
        let source = Source::of(name).or_raise(py)?;
        let id = id.map_or_else(|| source.name(), str::to_owned);
        let admitted = py.detach(|| self.runtime.admit(&source, &id, &self.policy, pin)).or_raise(py)?;
        let limits = admitted.limits().tightened(&self.limits);
        let limits = limits.map_err(|error| PyValueError::new_err(format!("limits: {error}")))?;
        Ok(Component { runtime: self.runtime.clone(), admitted: Arc::new(admitted), id, limits })
    }
}

/// A component that was loaded; it has no state.
#[pyclass(frozen, module = "flip_wasm")]
pub struct Component {
    runtime: flip_runtime::Runtime,
    admitted: Arc<Admitted>,
    id: String,
    limits: Limits,
}

impl Component {
    fn inspection(&self) -> &Inspection {
        self.admitted.component.inspection()
    }
}

#[pymethods]
impl Component {
    /// Its name in logs, errors and filter histories.
    #[getter]
    fn name(&self) -> &str {
        self.admitted.component.name()
    }

    /// The digest of its file.
    #[getter]
    fn sha256(&self) -> String {
        self.inspection().sha256.to_string()
    }

    /// The roles that it can play.
    #[getter]
    fn roles(&self) -> Vec<String> {
        self.inspection().roles.clone()
    }

    /// What the site's policy says becomes of data that this filter failed on: `hold-back` or `let-pass`.
    #[getter]
    fn on_filter_failure(&self) -> &'static str {
        self.admitted.grants.on_filter_failure.name()
    }

    /// What it asks for and what it can do, read off its file.
    fn inspect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, serde_json::to_string(self.inspection()))
    }

    /// Configures an instance. `args` is the mapping, or the JSON text, of the job's configuration; `limits`
    /// can tighten those of the policy and of the runtime, never widen them; `host` serves it; `audit` is the trail
    /// of what it does, at `place`.
    #[pyo3(signature = (args = None, *, host = None, limits = None, name = None, audit = None, place = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn instantiate(
        &self,
        py: Python<'_>,
        args: Option<&Bound<'_, PyAny>>,
        host: Option<&Bound<'_, PyAny>>,
        limits: Option<&Bound<'_, PyAny>>,
        name: Option<String>,
        audit: Option<&AuditTrail>,
        place: Option<&str>,
    ) -> PyResult<Instance> {
        let args = args.map_or_else(|| Ok("{}".to_owned()), dumps)?;
        let limits = limits.map(dumps).transpose()?;
        let limits = self.limits.tightened(limits.as_deref().unwrap_or("{}"));
        let limits = limits.map_err(|error| PyValueError::new_err(format!("limits: {error}")))?;
        let desk = Arc::<Desk>::default();
        let (services, log) = services_of(py, host, &desk, self.runtime.tokio())?;
        let (admitted, id) = (self.admitted.clone(), self.id.clone());
        let audit = audit.map(|trail| Audit::of(trail, place));
        let audited = audit.clone();
        let build = move || {
            let builder = admitted.instance().limits(limits).args(args).id(&id).services(services).log(log);
            let builder = name.iter().fold(builder, |builder, name| builder.name(name));
            audited.iter().fold(builder, |builder, audit| builder.audit(&audit.trail, &audit.place)).build()
        };
        let abort = flip_runtime::AbortSignal::default();
        let instance = call(py, &desk, self.runtime.tokio(), None, &abort, build)?.or_raise(py)?;
        Ok(Instance::new(instance, desk, self.runtime.tokio().clone(), audit))
    }

    /// Makes places ready for so many instances with these `args`: each is then made in a third of the time.
    #[pyo3(signature = (instances, args = None))]
    fn warm(&self, py: Python<'_>, instances: usize, args: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let args = args.map_or_else(|| Ok("{}".to_owned()), dumps)?;
        let like = self.admitted.instance().limits(self.limits.clone()).args(args).id(&self.id);
        py.detach(move || like.warm(instances)).or_raise(py)
    }

    fn __repr__(&self) -> String {
        format!("<flip_wasm.Component {}>", self.name())
    }
}

/// A mapping as JSON; a text as it is.
fn dumps(value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.extract::<String>() {
        Ok(text) => Ok(text),
        Err(_) => value.py().import("flip_wasm._json")?.call_method1("dumps", (value,))?.extract(),
    }
}

/// Components that are not built in are compiled in a process of their own: this interpreter again.
fn compiler(py: Python<'_>) -> PyResult<Compiler> {
    let program: Option<PathBuf> = py.import("sys")?.getattr("executable")?.extract()?;
    let package: PathBuf = py.import("flip_wasm")?.getattr("__file__")?.extract()?;
    let Some((program, folder)) = program.filter(|path| path.is_file()).zip(package.parent()) else {
        return Ok(Compiler::default());
    };
    let script = folder.join("_compile_worker.py");
    Ok(Compiler::Process { program, args: vec!["-I".into(), "-S".into(), script.into()] })
}

/// The whole of a process that compiles; its exit code.
#[pyfunction]
pub fn compile_worker(py: Python<'_>, args: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| flip_runtime::compile_worker(args))
}
