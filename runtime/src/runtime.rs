//! The runtime: where components are loaded and run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::builtin::Builtin;
use crate::cache::Cache;
use crate::compile::{self, CompileError, Compiler};
use crate::component::{Compiling, Component, Source, too_large};
use crate::engine::engine;
use crate::error::Error;
use crate::host::{self, HostState};
use crate::inspect::Digest;
use crate::limits::Limits;
use crate::loaded::{AllLoaded, Loaded};
use crate::raw::machine_code::Compiled;
use crate::turns::Turns;

/// Where components run. One per process is enough; clones are the same.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<HostState>,
    cache: Option<Cache>,
    loaded: AllLoaded,
    compiler: Compiler,
    limits: Limits,
    turns: Arc<Turns>,
    tokio: Tokio,
    /// The process that made it.
    process: u32,
}

/// More threads than any process has calls at a time, and calls that hang.
const MOST_THREADS: usize = 1 << 16;

/// What wakes calls whose time is up while they wait for the host, and runs the services.
struct Tokio(Option<tokio::runtime::Runtime>, tokio::runtime::Handle);

impl Drop for Tokio {
    fn drop(&mut self) {
        // Dropping it the plain way would panic inside an embedder's own async code.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes a [`Runtime`]; from [`Runtime::builder`].
#[derive(Clone, Debug)]
pub struct RuntimeBuilder {
    caches: Vec<PathBuf>,
    compiler: Compiler,
    limits: Limits,
    instances: u32,
}

impl Default for RuntimeBuilder {
    fn default() -> Self {
        let (compiler, limits) = Default::default();
        Self { caches: Vec::new(), compiler, limits, instances: 1_000 }
    }
}

impl RuntimeBuilder {
    /// Keeps compiled components in a directory. It must be one that only its user can write to, and is
    /// made so where it does not exist. Of several the first that can be used is; where none can, there is
    /// a warning.
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.caches.push(directory.into());
        self
    }

    /// Keeps compiled components in the user's folder for such things, or in one among the temporary files for
    /// a user whose home cannot be written to.
    pub fn user_cache(self) -> Self {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let user = base.or_else(|| Some(std::env::home_dir()?.join(".cache")));
        let name = format!("flip-wasm-{}", std::env::var("USER").unwrap_or_default());
        let folders = user.map(|base| base.join("flip-wasm")).into_iter();
        folders.chain([std::env::temp_dir().join(name)]).fold(self, Self::cache)
    }

    /// Where components are read and compiled that are not built in; in a thread by default.
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// What components may use, unless an instance is given limits of its own; no more of instances and tables than
    /// [`Limits::MOST_INSTANCES`] and [`Limits::MOST_TABLE_ELEMENTS`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits.with_room();
        self
    }

    /// How many instances there may be at once; 1 000 by default. To set up a place for each takes microseconds.
    pub fn instances(mut self, instances: u32) -> Self {
        self.instances = instances;
        self
    }

    /// Sets up the sandbox.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] where the machine does not allow what the sandbox needs.
    pub fn build(self) -> Result<Runtime, Error> {
        let setup = |error: &dyn std::fmt::Display| Error::Setup(error.to_string());
        let (engine, turns) = engine(self.instances)?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker).map_err(|error| setup(&error))?;
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            // As many as there are calls that may wait for a disk, each from a thread of its own, and their services.
            .max_blocking_threads(MOST_THREADS)
            .thread_name("flip-tokio")
            .enable_all()
            .build()
            .map_err(|error| setup(&error))?;
        let handle = tokio.handle().clone();
        let tokio = Tokio(Some(tokio), handle);
        let cache = self.caches.iter().find_map(|directory| {
            Cache::open(directory)
                .inspect_err(|error| tracing::debug!("cache {}: {error}", directory.display()))
                .ok()
        });
        if let (None, Some(first)) = (&cache, self.caches.first()) {
            tracing::warn!(
                "{} is no private directory: components are compiled on each start",
                first.display()
            );
        }
        Ok(Runtime(Arc::new(Inner {
            engine,
            linker,
            cache,
            loaded: AllLoaded::default(),
            compiler: self.compiler,
            limits: self.limits,
            turns,
            tokio,
            process: std::process::id(),
        })))
    }
}

impl Runtime {
    /// A runtime with default limits that compiles each component when it is loaded.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] where the machine does not allow what the sandbox needs.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Starts to make a runtime.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// What components may use, unless an instance is given limits of its own.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn turns(&self) -> &Arc<Turns> {
        &self.0.turns
    }

    /// Whether its threads are here: not where the process that made it was forked.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.0.process == std::process::id()
    }

    /// Where futures wait, and blocking services run.
    pub fn tokio(&self) -> &tokio::runtime::Handle {
        &self.0.tokio.1
    }

    /// Loads a component: a built-in by its name or class, or the file of any other (`*.wasm`).
    ///
    /// One that is loaded already, under whatever name, is not compiled again, as long as a [`Component`] or an
    /// instance of it lives: the two share their code, and the places that [`InstanceBuilder::warm`] made ready.
    ///
    /// [`InstanceBuilder::warm`]: crate::InstanceBuilder::warm
    ///
    /// # Errors
    ///
    /// Says what is missing: the file, a built-in of that name, or an import that this host does not offer.
    pub fn load(&self, name_or_path: &str) -> Result<Component, Error> {
        self.load_source(&Source::of(name_or_path)?)
    }

    /// Loads a component from where it is. Its name in logs and filter histories is [`Source::name`].
    ///
    /// # Errors
    ///
    /// As [`Runtime::load_builtin`] and [`Runtime::load_file`]; [`Error::InvalidFile`] for one of a job that does not
    /// lie in the job's folder.
    pub fn load_source(&self, source: &Source) -> Result<Component, Error> {
        match source {
            Source::Builtin(builtin) => self.load_builtin(builtin),
            Source::File(_) | Source::OfJob { .. } => {
                self.load_bytes(&source.name(), &source.bytes(&self.0.limits)?)
            }
        }
    }

    /// Loads a component from its file. Its name in logs and filter histories is the stem of the file's.
    ///
    /// # Errors
    ///
    /// [`Error::File`], or [`Error::InvalidComponent`] that says what is wrong with it.
    pub fn load_file(&self, path: &Path) -> Result<Component, Error> {
        self.load_source(&Source::File(path.to_owned()))
    }

    /// Loads a built-in component. Its name in logs and filter histories is its class.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] where its code cannot be mapped.
    pub fn load_builtin(&self, builtin: &Builtin) -> Result<Component, Error> {
        // Part of this program: whoever loads it waits for it, and no limit is for that.
        let compile = |engine: &Engine, bytes: &[u8]| Ok((compile::compile(engine, bytes)?, None));
        let component = self.load_with(builtin.class, builtin.wasm, compile)?;
        Ok(Component { compiling: Compiling::NOTHING, ..component })
    }

    /// Loads a component from its bytes; `name` stands for it in logs, errors and filter histories.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidComponent`] says what is wrong with it, and lists the imports that are missing;
    /// [`Error::Limit`] where compiling it took too much.
    pub fn load_bytes(&self, name: &str, bytes: &[u8]) -> Result<Component, Error> {
        self.load_within(name, bytes, &self.0.limits)
    }

    /// The same, within limits of its own.
    pub(crate) fn load_within(&self, name: &str, bytes: &[u8], limits: &Limits) -> Result<Component, Error> {
        let allowed = limits.component_size;
        if bytes.len() as u64 > allowed {
            let (component, reason) = (name.to_owned(), too_large(allowed));
            return Err(Error::InvalidComponent { component, reason });
        }
        self.load_with(name, bytes, |engine, bytes| self.0.compiler.compile(engine, bytes, limits))
    }

    fn load_with(
        &self,
        name: &str,
        bytes: &[u8],
        compile: impl FnOnce(&Engine, &[u8]) -> Result<(Compiled, Option<u64>), CompileError>,
    ) -> Result<Component, Error> {
        let digest = Digest::of(bytes);
        let (loaded, compiling) = match self.0.loaded.get(&digest) {
            Some(loaded) => (loaded, Compiling::NOTHING),
            None => self.load_anew(name, &digest, bytes, compile)?,
        };
        Ok(Component { runtime: self.clone(), name: name.into(), loaded, compiling })
    }

    fn load_anew(
        &self,
        name: &str,
        digest: &Digest,
        bytes: &[u8],
        compile: impl FnOnce(&Engine, &[u8]) -> Result<(Compiled, Option<u64>), CompileError>,
    ) -> Result<(Arc<Loaded>, Compiling), Error> {
        let engine = &self.0.engine;
        let cache = self.0.cache.as_ref();
        // What was compiled once was read then: before its digest is known nothing of it is looked at.
        let (compiled, compiling) = match cache.and_then(|cache| cache.load(engine, digest)) {
            Some(compiled) => (compiled, Compiling::NOTHING),
            None => {
                let started = Instant::now();
                let (compiled, memory) = compile(engine, bytes).map_err(|error| error.of(name))?;
                let compiling = Compiling { time: started.elapsed(), memory };
                if let Some(cache) = cache {
                    cache.store(engine, &compiled);
                }
                (compiled, compiling)
            }
        };
        let Compiled { inspection, component } = compiled;
        if inspection.sha256 != *digest {
            return Err(CompileError::Setup("it has compiled something else".to_owned()).of(name));
        }
        let pre = self.0.linker.instantiate_pre(&component).map_err(|error| {
            CompileError::Invalid(format!("it does not fit the contract: {error:#}")).of(name)
        })?;
        Ok((self.0.loaded.note(*digest, Loaded::new(inspection, pre)), compiling))
    }
}
