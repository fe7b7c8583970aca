//! Dxos in safetensors files, read and written by ranges.
//!
//! A dxo file is a safetensors file whose `__metadata__` carries `flip.kind` (NVFLARE's name of the data
//! kind) and `flip.meta` (the meta properties as the text of one JSON object). Other metadata is kept.

mod header;
mod output;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::error::Error;
use crate::exchange::{DataKind, Dxo, Meta};
use crate::host::log::one_line;
use crate::instance::MAX_TEXT;
use crate::json::{self, InvalidJson};
use crate::tensor::{FileRange, Tensor};
use header::Header;

pub use output::{Complete, Output};

/// The metadata key of the data kind.
pub const KIND: &str = "flip.kind";
/// The metadata key of the meta properties.
pub const META: &str = "flip.meta";

/// A dxo that lies in a file.
#[derive(Clone, Debug)]
pub struct DxoFile {
    /// The dxo; its tensors are read as they are asked for.
    pub dxo: Dxo,
    /// The rest of the file's metadata.
    pub metadata: IndexMap<String, String>,
}

/// What stands in for what a file says of itself, or does not say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The data kind; a file without one holds weight differences, since these are what leaves a site.
    pub kind: Option<DataKind>,
    /// The meta properties, all of them.
    pub meta: Option<Meta>,
}

/// Reads meta properties from the text of one JSON object.
///
/// # Errors
///
/// Where it is none, or a property comes twice in it.
pub fn parse_meta(text: &str) -> Result<Meta, InvalidJson> {
    json::members(text)
}

/// Opens a dxo file and checks its header against the file.
///
/// # Errors
///
/// [`Error::File`], or [`Error::InvalidFile`] that says what is wrong: a header that is cut off or larger
/// than the format allows, tensors that overlap, leave gaps or do not fill the file, names that come
/// twice, a dtype that NumPy has not.
pub fn open(path: &Path, overrides: Overrides) -> Result<DxoFile, Error> {
    // Reasons repeat what the file calls things.
    let invalid =
        |reason: String| Error::InvalidFile { path: path.to_owned(), reason: one_line(&reason, MAX_TEXT) };
    // Opening a pipe would wait for somebody to write to it.
    if !std::fs::metadata(path).map_err(Error::file(path))?.is_file() {
        return Err(invalid("not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(Error::file(path))?;
    let metadata = file.metadata().map_err(Error::file(path))?;
    if !metadata.is_file() {
        return Err(invalid("not a regular file".to_owned()));
    }
    let len = metadata.len();
    let header = Header::read(&file, len).map_err(Error::file(path))?.map_err(invalid)?;
    let mut metadata = header.metadata;
    let (kind, meta) = (metadata.shift_remove(KIND), metadata.shift_remove(META));
    let kind = match (overrides.kind, kind) {
        (Some(kind), _) => kind,
        (None, None) => DataKind::WeightDiff,
        (None, Some(name)) => DataKind::from_name(&name).ok_or_else(|| {
            invalid(format!("its metadata {KIND} is {name:?}, which is no data kind of NVFLARE"))
        })?,
    };
    let meta = match (overrides.meta, meta) {
        (Some(meta), _) => meta,
        (None, None) => Meta::new(),
        (None, Some(text)) => parse_meta(&text)
            .map_err(|error| invalid(format!("its metadata {META} is no JSON object: {error}")))?,
    };
    let all = FileRange::new(Arc::new(file), 0, len);
    let tensors = header.tensors.into_iter().map(|(name, entry)| {
        let (begin, end) = entry.data_offsets;
        let range = all.slice(header.data_start + begin, end - begin);
        let tensor = Tensor::from_file(entry.dtype, &entry.shape, range)?;
        Ok((name, tensor))
    });
    let tensors = tensors.collect::<Result<Vec<_>, Error>>()?;
    let mut dxo = Dxo::of_tensors(kind, tensors)
        .ok_or_else(|| invalid(format!("a safetensors file holds WEIGHTS or WEIGHT_DIFF, not {kind}")))?;
    dxo.meta = meta;
    Ok(DxoFile { dxo, metadata })
}
