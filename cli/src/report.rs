//! What a run says of itself.

use std::io::Write;
use std::path::Path;

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

    /// Writes the report, in one step.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let file = |source| Error::File { path: path.to_owned(), source };
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut temporary = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))
            .map_err(|error| file(error.kind().into()))?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        temporary.write_all(&text).map_err(file)?;
        temporary.persist(path).map_err(|error| file(error.error))?;
        Ok(())
    }
}
