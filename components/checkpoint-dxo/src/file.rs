//! A checkpoint in a directory that was granted, and the dxo of it.

use checkpoint::{Checkpoint, Reader, Source, Tensor, Value};
use flip_sdk::storage::{Directory, EntryKind};
use flip_sdk::{DataKind, Dtype, Dxo, Error, WINDOW};

use crate::ExcludeVars;
use crate::json::{json, key_text};
use crate::transfer::{Bfloat16, Failure, Target, dtype, transfer};

/// The bytes of a file, through the host.
struct File<'a> {
    directory: &'a Directory,
    path: &'a str,
    size: u64,
}

impl Source for File<'_> {
    type Error = Error;

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Error> {
        let len = u32::try_from(len).unwrap_or(WINDOW).min(WINDOW);
        into.extend_from_slice(&self.directory.read(self.path, offset, len)?);
        Ok(())
    }
}

/// A checkpoint that was opened: all of it is checked, and none of its elements are read yet.
pub struct CheckpointFile<'a> {
    directory: &'a Directory,
    path: &'a str,
    reader: Reader<File<'a>>,
    checkpoint: Checkpoint,
}

impl<'a> CheckpointFile<'a> {
    /// Opens the checkpoint at `path`.
    ///
    /// # Errors
    ///
    /// What the host answers; `invalid-data` where the file is no checkpoint, with what is wrong in it.
    pub fn open(directory: &'a Directory, path: &'a str) -> Result<Self, Error> {
        let entry = directory.stat(path)?;
        if entry.kind != EntryKind::File {
            return Err(Error::InvalidData(format!("{path}: no ordinary file")));
        }
        let mut reader = Reader::new(File { directory, path, size: entry.size });
        let checkpoint = reader.checkpoint().map_err(|error| typed(path, error))?;
        Ok(Self { directory, path, reader, checkpoint })
    }

    /// What the file holds.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The model, as NVFLARE makes it of a checkpoint: the weights, without those that are excluded, and
    /// `meta_props` as their meta.
    ///
    /// # Errors
    ///
    /// What the host answers; `invalid-data` where a tensor, or a meta property, is none that a dxo can have.
    pub fn model(&mut self, exclude: &ExcludeVars) -> Result<Dxo, Error> {
        let dxo = self.weights(Bfloat16::Widened, |tensor| !exclude.covers(tensor.name()))?;
        let invalid = |problem| Error::InvalidData(format!("{}: meta_props: {problem}", self.path));
        match self.checkpoint.meta_props() {
            None | Some(Value::None) => {}
            Some(Value::Dict(pairs)) => {
                for (key, value) in pairs {
                    let key = key_text(key).map_err(invalid)?;
                    dxo.set_meta(&key, &json(value).map_err(invalid)?)?;
                }
            }
            Some(_) => return Err(invalid("it is no dict")),
        }
        Ok(dxo)
    }

    /// The tensors that `takes` takes, in the order of the file.
    ///
    /// # Errors
    ///
    /// What the host answers; `invalid-data` where no dxo has tensors of such a dtype.
    pub fn weights(&mut self, bfloat16: Bfloat16, takes: impl Fn(&Tensor) -> bool) -> Result<Dxo, Error> {
        let dxo = Dxo::create(DataKind::Weights)?;
        let mut target = Weights { directory: self.directory, path: self.path, dxo: &dxo };
        for tensor in self.checkpoint.tensors().iter().filter(|tensor| takes(tensor)) {
            transfer(&mut self.reader, tensor, bfloat16, &mut target).map_err(|failure| match failure {
                Failure::Read(error) => typed(self.path, error),
                Failure::Write(error) => error,
                Failure::Dtype(dtype) => {
                    let name = tensor.name();
                    Error::InvalidData(format!("{}: tensor {name:?} is {dtype}, which no dxo has", self.path))
                }
            })?;
        }
        Ok(dxo)
    }

    /// The tensors that `takes` takes, in the order of the file: their dtypes and shapes, and zeroes in place
    /// of their elements, of which none is read.
    ///
    /// # Errors
    ///
    /// What the host answers.
    pub fn shapes(&self, bfloat16: Bfloat16, takes: impl Fn(&Tensor) -> bool) -> Result<Dxo, Error> {
        let dxo = Dxo::create(DataKind::Weights)?;
        for tensor in self.checkpoint.tensors().iter().filter(|tensor| takes(tensor)) {
            if let Some(dtype) = dtype(tensor.dtype(), bfloat16) {
                dxo.set_tensor(tensor.name(), flip_sdk::Tensor::create(dtype, tensor.shape())?)?;
            }
        }
        Ok(dxo)
    }
}

/// A dxo that is filled.
struct Weights<'a> {
    directory: &'a Directory,
    path: &'a str,
    dxo: &'a Dxo,
}

impl Target for Weights<'_> {
    type Tensor = flip_sdk::Tensor;
    type Error = Error;

    fn map(&mut self, offset: u64, dtype: Dtype, shape: &[u64]) -> Result<flip_sdk::Tensor, Error> {
        self.directory.tensor(self.path, offset, dtype, shape)
    }

    fn create(&mut self, dtype: Dtype, shape: &[u64]) -> Result<flip_sdk::Tensor, Error> {
        flip_sdk::Tensor::create(dtype, shape)
    }

    fn write(&mut self, tensor: &mut flip_sdk::Tensor, start: u64, bytes: &[u8]) -> Result<(), Error> {
        tensor.write(start, bytes)
    }

    fn insert(&mut self, name: &str, tensor: flip_sdk::Tensor) -> Result<(), Error> {
        self.dxo.set_tensor(name, tensor)
    }
}

/// An error of the host stays what it is: a run that is being aborted is no file that is broken.
fn typed(path: &str, error: checkpoint::Error<Error>) -> Error {
    match error {
        checkpoint::Error::Source { cause, .. } => cause,
        checkpoint::Error::Invalid(checkpoint::Invalid::OutOfMemory { bytes }) => {
            Error::QuotaExceeded(format!("memory: {path} needs {bytes} bytes more"))
        }
        checkpoint::Error::Invalid(invalid) => Error::InvalidData(format!("{path}: {invalid}")),
    }
}

/// What an error says, for a line in the log.
pub fn text_of(error: &Error) -> &str {
    match error {
        Error::InvalidArgument(text)
        | Error::InvalidData(text)
        | Error::NotFound(text)
        | Error::NotPermitted(text)
        | Error::QuotaExceeded(text)
        | Error::Unavailable(text) => text,
        Error::Aborted => "the run is being aborted",
    }
}
