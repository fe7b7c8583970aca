//! What a trail says of data: names and sizes, and a digest that others can compute as well.

use sha2::{Digest as _, Sha256};

use super::entry::{DataEntry, text};
use crate::exchange::{Dxo, DxoData};
use crate::inspect::Digest;
use crate::tensor::{Tensor, TensorError};

/// How much of a tensor is read at a time.
const CHUNK: usize = 1 << 20;

/// The digest of a dxo's tensors, in their order; none where it has none.
///
/// It is the sha256 over, for each tensor: its name, NumPy's name of its dtype, the number of its
/// dimensions, the length of each dimension, and its elements, row-major and little-endian. Texts and
/// elements have their length in bytes before them; lengths and numbers are 8 bytes, little-endian. A
/// member of a collection has its name before its tensors.
///
/// # Errors
///
/// [`TensorError::Io`] where a file behind a tensor fails.
pub fn digest(dxo: &Dxo) -> Result<Option<Digest>, TensorError> {
    let mut found = Found::new(true);
    found.add(dxo)?;
    Ok(found.digest())
}

struct Found {
    /// None where nobody asks for a digest: then no element is read.
    hash: Option<Sha256>,
    tensors: u64,
    bytes: u64,
}

impl Found {
    fn new(digested: bool) -> Self {
        Self { hash: digested.then(Sha256::new), tensors: 0, bytes: 0 }
    }

    fn add(&mut self, dxo: &Dxo) -> Result<(), TensorError> {
        match &dxo.data {
            DxoData::Tensors(tensors) => {
                tensors.iter().try_for_each(|(name, tensor)| self.tensor(name, tensor))
            }
            DxoData::Members(members) => members.iter().try_for_each(|(name, member)| {
                self.text(name);
                self.add(member)
            }),
            DxoData::Values(values) => {
                self.bytes = self.bytes.saturating_add(values.text().len() as u64);
                Ok(())
            }
        }
    }

    fn tensor(&mut self, name: &str, tensor: &Tensor) -> Result<(), TensorError> {
        self.tensors += 1;
        self.bytes = self.bytes.saturating_add(tensor.byte_len());
        if self.hash.is_none() {
            return Ok(());
        }
        self.text(name);
        self.text(tensor.dtype().name());
        self.number(tensor.shape().len() as u64);
        tensor.shape().iter().for_each(|length| self.number(*length));
        self.number(tensor.byte_len());
        let mut offset = 0;
        while offset < tensor.byte_len() {
            let bytes = tensor.read(offset, CHUNK)?;
            if bytes.is_empty() {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            self.update(&bytes);
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.update(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.update(&number.to_le_bytes());
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
    }

    fn digest(self) -> Option<Digest> {
        let hash = self.hash.filter(|_| self.tensors > 0)?;
        Some(Digest::from(<[u8; 32]>::from(hash.finalize())))
    }
}

impl DataEntry {
    /// What is said of data that comes or goes.
    ///
    /// # Errors
    ///
    /// [`TensorError::Io`] where a file behind a tensor fails.
    pub fn of(place: &str, task: &str, dxo: Option<&Dxo>) -> Result<Self, TensorError> {
        Self::with(place, task, dxo, true)
    }

    /// What is said of data that comes or goes, with a digest or without.
    pub(super) fn with(
        place: &str,
        task: &str,
        dxo: Option<&Dxo>,
        digested: bool,
    ) -> Result<Self, TensorError> {
        let mut found = Found::new(digested);
        dxo.map_or(Ok(()), |dxo| found.add(dxo))?;
        Ok(Self {
            place: text(place),
            task: text(task),
            kind: dxo.map(|dxo| dxo.kind().name().to_owned()),
            tensors: found.tensors,
            bytes: found.bytes,
            sha256: found.digest(),
            text_bytes: dxo.map_or(0, Dxo::text_len),
            filters: Vec::new(),
            unfiltered: Vec::new(),
            refused: None,
            by: None,
        })
    }

    /// What is said of data that a filter held back, for this reason.
    pub fn refused(place: &str, task: &str, code: crate::error::Code) -> Self {
        Self {
            place: text(place),
            task: text(task),
            kind: None,
            tensors: 0,
            bytes: 0,
            sha256: None,
            text_bytes: 0,
            filters: Vec::new(),
            unfiltered: Vec::new(),
            refused: Some(code),
            by: None,
        }
    }
}
