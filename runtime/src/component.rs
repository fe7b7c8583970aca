//! Components: where they come from, and what is known of one that was loaded.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::builtin::Builtin;
use crate::error::Error;
use crate::host::log::one_line;
use crate::inspect::Inspection;
use crate::instance::InstanceBuilder;
use crate::limits::{Allowed, LimitReached, Limits};
use crate::loaded::Loaded;
use crate::runtime::Runtime;

/// What a name on a command line or in a configuration stands for.
#[derive(Clone, Debug)]
pub enum Source {
    /// A component of the runtime.
    Builtin(&'static Builtin),
    /// A file.
    File(PathBuf),
    /// A file in a job's folder. The job's author wrote the path, which leads nowhere else.
    OfJob {
        /// The folder.
        folder: PathBuf,
        /// The path in it.
        path: PathBuf,
    },
}

impl Source {
    /// A built-in's name or class, or the path of a file that ends in `.wasm`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownComponent`].
    pub fn of(name_or_path: &str) -> Result<Self, Error> {
        let path = Path::new(name_or_path);
        if path.extension().is_some_and(|extension| extension == "wasm") {
            return Ok(Self::File(path.to_owned()));
        }
        Builtin::find(name_or_path).map(Self::Builtin)
    }

    /// The name that it goes by in logs, filter histories and policies.
    pub fn name(&self) -> String {
        match self {
            Self::Builtin(builtin) => builtin.class.to_owned(),
            Self::File(path) | Self::OfJob { path, .. } => name_of(path),
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or is larger than a component may be.
    pub fn bytes(&self, limits: &Limits) -> Result<std::borrow::Cow<'static, [u8]>, Error> {
        match self {
            Self::Builtin(builtin) => Ok(builtin.wasm.into()),
            Self::File(path) => Ok(read_component(path, limits)?.into()),
            Self::OfJob { folder, path } => Ok(read_of_job(folder, path, limits)?.into()),
        }
    }
}

/// The longest name of a component, in bytes: as long as that of a file may be.
const MAX_NAME: usize = 255;

/// The name of a component that is a file, on one line: its author chose it, and it is logged.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| one_line(&stem.to_string_lossy(), MAX_NAME))
}

/// Reads the file of a component, if it is no larger than one may be.
pub(crate) fn read_component(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let metadata = std::fs::metadata(path).map_err(Error::file(path))?;
    read_regular(path, limits, metadata.is_file(), metadata.len(), || File::open(path))
}

/// The same of a file in a job's folder. What lies elsewhere is not even looked at: what is said of a file,
/// such as its digest, would tell the job's author of it.
fn read_of_job(folder: &Path, path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let full = folder.join(path);
    let failed = |error: io::Error| match error.raw_os_error() {
        // It is not the system that refuses.
        None if error.kind() == io::ErrorKind::PermissionDenied => {
            let reason = "it leads out of the job's folder, where the components of a job lie".to_owned();
            Error::InvalidFile { path: path.to_owned(), reason }
        }
        _ => Error::file(&full)(error),
    };
    let inside = Dir::open_ambient_dir(folder, ambient_authority()).map_err(Error::file(folder))?;
    let metadata = inside.metadata(path).map_err(failed)?;
    let open = || {
        // What has taken its place meanwhile may be a pipe: opening that would wait for a writer.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        Ok(inside.open_with(path, &options)?.into_std())
    };
    read_regular(&full, limits, metadata.is_file(), metadata.len(), open)
}

fn read_regular(
    path: &Path,
    limits: &Limits,
    is_file: bool,
    len: u64,
    open: impl FnOnce() -> io::Result<File>,
) -> Result<Vec<u8>, Error> {
    let allowed = limits.component_size;
    let invalid = |reason: String| Error::InvalidFile { path: path.to_owned(), reason };
    // Opening a pipe would wait for somebody to write to it.
    if !is_file {
        return Err(invalid("not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    if len <= allowed {
        let reserved = bytes.try_reserve_exact(usize::try_from(len).unwrap_or(usize::MAX));
        reserved.map_err(|_| Error::file(path)(io::ErrorKind::OutOfMemory.into()))?;
        let file = open().map_err(Error::file(path))?;
        // It may have grown since.
        file.take(allowed.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::file(path))?;
    }
    match len.max(bytes.len() as u64) > allowed {
        true => Err(invalid(too_large(allowed))),
        false => Ok(bytes),
    }
}

pub(crate) fn too_large(allowed: u64) -> String {
    let line = LimitReached { limit: "component-size", allowed: Allowed::Bytes(allowed) }.line();
    format!("larger than a component may be (limit component-size: {allowed} bytes); {line} sets it")
}

/// A component that was loaded: compiled, its imports found. It has no state.
#[derive(Clone)]
pub struct Component {
    pub(crate) runtime: Runtime,
    pub(crate) name: Arc<str>,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) compiling: Compiling,
}

/// What compiling a component took when it was loaded, of what is bounded: nothing where it was compiled before, is
/// loaded already, or is built in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compiling {
    pub(crate) time: Duration,
    /// The address space in bytes, where it was compiled in a process of its own.
    pub(crate) memory: Option<u64>,
}

impl Compiling {
    pub(crate) const NOTHING: Self = Self { time: Duration::ZERO, memory: Some(0) };
}

impl Component {
    /// Its name in logs, errors and filter histories.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it asks for and what it can do.
    pub fn inspection(&self) -> &Inspection {
        &self.loaded.inspection
    }

    /// Starts to make an instance.
    pub fn instance(&self) -> InstanceBuilder {
        InstanceBuilder::new(self)
    }

    /// Whether it can play a role, such as `dxo-filter`.
    ///
    /// # Errors
    ///
    /// [`Error::NoRole`] lists the roles that it has.
    pub fn require(&self, role: &'static str) -> Result<(), Error> {
        if self.inspection().roles.iter().any(|known| known == role) {
            return Ok(());
        }
        Err(Error::NoRole {
            component: self.name.to_string(),
            role,
            roles: match self.inspection().roles.is_empty() {
                true => "none".to_owned(),
                false => self.inspection().roles.join(", "),
            },
        })
    }
}
