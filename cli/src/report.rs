//! What a run says of itself.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flip_runtime::{Component, Dxo, Error, Inspection, Instance, Leaf, Tensor, Usage};
use serde::Serialize;

/// The report of `flip-wasm filter`, as `--report` writes it.
#[derive(Serialize)]
pub struct Report<'a> {
    pub component: ComponentReport<'a>,
    pub data: Data<'a>,
    /// What became of the dxo.
    pub leaves: &'a [Leaf],
    /// What the component used.
    pub usage: Usage,
}

/// Which component ran.
#[derive(Serialize)]
pub struct ComponentReport<'a> {
    pub name: &'a str,
    #[serde(flatten)]
    pub inspection: &'a Inspection,
}

/// What it was given and what it made of it.
#[derive(Serialize)]
pub struct Data<'a> {
    pub input: &'a Path,
    pub output: &'a Path,
    pub kind: &'static str,
    pub tensors: usize,
    pub elements: u64,
    /// Of the input's tensors.
    pub bytes: u64,
}

impl<'a> Data<'a> {
    pub fn of(dxo: &Dxo, input: &'a Path, output: &'a Path) -> Self {
        let tensors = || dxo.tensors().into_iter().flat_map(|tensors| tensors.values());
        Self {
            input,
            output,
            kind: dxo.kind().name(),
            tensors: tensors().count(),
            elements: tensors().map(Tensor::len).sum(),
            bytes: tensors().map(Tensor::byte_len).sum(),
        }
    }
}

impl<'a> Report<'a> {
    pub fn new(component: &'a Component, instance: &Instance, data: Data<'a>, leaves: &'a [Leaf]) -> Self {
        Self {
            component: ComponentReport { name: component.name(), inspection: component.inspection() },
            data,
            leaves,
            usage: instance.usage(),
        }
    }
}

/// A report that does not have its name yet.
pub struct Staged {
    temporary: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Staged {
    /// Makes the file, beside `path`: a place that cannot be written to is an error before the work.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let temporary = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory.unwrap_or(Path::new(".")))
            .map_err(|error| failure(path, &error))?;
        Ok(Self { temporary, path: path.to_owned() })
    }

    /// Writes the report.
    pub fn write(&mut self, report: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(report)?;
        text.push(b'\n');
        self.temporary.write_all(&text).map_err(|error| failure(&self.path, &error))?;
        Ok(())
    }

    /// Gives it its name.
    pub fn publish(self) -> anyhow::Result<()> {
        let Self { temporary, path } = self;
        temporary.persist(&path).map_err(|error| Error::File { path, source: error.error })?;
        Ok(())
    }
}

/// Without the temporary name, which says nothing to anyone.
fn failure(path: &Path, error: &io::Error) -> Error {
    Error::File { path: path.to_owned(), source: error.kind().into() }
}
