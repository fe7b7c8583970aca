//! What a trail says of data: names and sizes, and digests that others can compute as well.

use indexmap::IndexMap;
use sha2::{Digest as _, Sha256};

use super::entry::{DataEntry, text};
use crate::exchange::{Dxo, DxoData, Shareable, entry_len};
use crate::inspect::Digest;
use crate::json::Json;
use crate::tensor::{Tensor, TensorError};

/// How much of a tensor is read at a time.
const CHUNK: usize = 1 << 20;

/// The digest of a dxo's tensors, in their order; none where it has none.
///
/// It is the sha256 over the number of tensors and, for each: its name, NumPy's name of its dtype, the number of its
/// dimensions, the length of each dimension, and its elements, row-major and little-endian. Texts and
/// elements have their length in bytes before them; lengths and numbers are 8 bytes, little-endian. Of a
/// collection it is over the number of its members and, for each, its name and the same of it.
///
/// # Errors
///
/// [`TensorError::Io`] where a file behind a tensor fails.
pub fn digest(dxo: &Dxo) -> Result<Option<Digest>, TensorError> {
    let mut found = Found::new(true);
    found.dxo(dxo)?;
    Ok(found.tensors.digest())
}

/// The digest of what data carries besides tensors; none where there are neither headers nor meta properties nor
/// plain values.
///
/// It is the sha256 over texts, each with its length in bytes before it, and numbers; lengths and numbers are 8 bytes,
/// little-endian. Of a shareable: NVFLARE's name of its return code, and its headers. Of a dxo: NVFLARE's name of its
/// kind, its meta properties, and then its plain values as JSON, or the number of its members and of each its name and
/// the same of it. Headers and properties are their number, and the name and the JSON of each, in their order, as it came.
///
/// # Errors
///
/// [`TensorError::Io`] where a file behind a tensor fails.
///
/// ```
/// use flip_runtime::audit::{self, Carried};
/// use flip_runtime::{DataKind, Dxo};
///
/// let mut dxo = Dxo::new(DataKind::Metrics);
/// let without = audit::text_digest(&dxo)?;
/// dxo.set_meta("rounds", &3)?;
/// assert_ne!(audit::text_digest(&dxo)?, without);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn text_digest<'a>(data: impl Into<Carried<'a>>) -> Result<Option<Digest>, TensorError> {
    Ok(Found::of(data.into(), true)?.texts.digest())
}

/// What comes to the components of a place, or leaves it.
#[derive(Clone, Copy)]
pub enum Carried<'a> {
    /// Nothing.
    Nothing,
    /// A dxo.
    Dxo(&'a Dxo),
    /// A task's data or its result.
    Shareable(&'a Shareable),
    /// The properties of an event that are plain values.
    Props(&'a IndexMap<String, Json>),
}

impl<'a> From<&'a Dxo> for Carried<'a> {
    fn from(dxo: &'a Dxo) -> Self {
        Self::Dxo(dxo)
    }
}

impl<'a> From<Option<&'a Dxo>> for Carried<'a> {
    fn from(dxo: Option<&'a Dxo>) -> Self {
        dxo.map_or(Self::Nothing, Self::Dxo)
    }
}

impl<'a> From<&'a Shareable> for Carried<'a> {
    fn from(shareable: &'a Shareable) -> Self {
        Self::Shareable(shareable)
    }
}

/// A digest in the making, of so many things.
struct Hash {
    /// None where nobody asks for a digest: then no element is read.
    hash: Option<Sha256>,
    things: u64,
}

impl Hash {
    fn new(digested: bool) -> Self {
        Self { hash: digested.then(Sha256::new), things: 0 }
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
        let hash = self.hash.filter(|_| self.things > 0)?;
        Some(Digest::from(<[u8; 32]>::from(hash.finalize())))
    }
}

struct Found {
    tensors: Hash,
    texts: Hash,
    bytes: u64,
    text_bytes: u64,
    kind: Option<&'static str>,
}

impl Found {
    fn new(digested: bool) -> Self {
        let (tensors, texts) = (Hash::new(digested), Hash::new(digested));
        Self { tensors, texts, bytes: 0, text_bytes: 0, kind: None }
    }

    fn of(data: Carried<'_>, digested: bool) -> Result<Self, TensorError> {
        let mut found = Self::new(digested);
        let dxo = match data {
            Carried::Nothing => None,
            Carried::Dxo(dxo) => Some(dxo),
            Carried::Shareable(shareable) => {
                found.texts.text(shareable.return_code.name());
                found.properties(&shareable.headers);
                shareable.dxo.as_ref()
            }
            Carried::Props(props) => {
                found.properties(props);
                None
            }
        };
        if let Some(dxo) = dxo {
            found.kind = Some(dxo.kind().name());
            found.text_bytes = found.text_bytes.saturating_add(dxo.text_len());
            found.dxo(dxo)?;
        }
        Ok(found)
    }

    fn dxo(&mut self, dxo: &Dxo) -> Result<(), TensorError> {
        self.texts.text(dxo.kind().name());
        self.hash_properties(&dxo.meta);
        match &dxo.data {
            DxoData::Tensors(tensors) => {
                self.tensors.number(tensors.len() as u64);
                tensors.iter().try_for_each(|(name, tensor)| self.tensor(name, tensor))
            }
            DxoData::Members(members) => {
                self.tensors.number(members.len() as u64);
                self.texts.number(members.len() as u64);
                members.iter().try_for_each(|(name, member)| {
                    self.tensors.text(name);
                    self.texts.text(name);
                    self.dxo(member)
                })
            }
            DxoData::Values(values) => {
                self.tensors.number(0);
                self.bytes = self.bytes.saturating_add(values.text().len() as u64);
                self.texts.things += 1;
                self.texts.text(values.text());
                Ok(())
            }
        }
    }

    /// Properties that are counted nowhere else.
    fn properties(&mut self, properties: &IndexMap<String, Json>) {
        let sizes = properties.iter().map(|(name, value)| entry_len(name.len() + value.text().len()));
        self.text_bytes = sizes.fold(self.text_bytes, u64::saturating_add);
        self.hash_properties(properties);
    }

    fn hash_properties(&mut self, properties: &IndexMap<String, Json>) {
        self.texts.number(properties.len() as u64);
        for (name, value) in properties {
            self.texts.things += 1;
            self.texts.text(name);
            self.texts.text(value.text());
        }
    }

    fn tensor(&mut self, name: &str, tensor: &Tensor) -> Result<(), TensorError> {
        let Self { tensors, bytes, .. } = self;
        tensors.things += 1;
        *bytes = bytes.saturating_add(tensor.byte_len());
        if tensors.hash.is_none() {
            return Ok(());
        }
        tensors.text(name);
        tensors.text(tensor.dtype().name());
        tensors.number(tensor.shape().len() as u64);
        tensor.shape().iter().for_each(|length| tensors.number(*length));
        tensors.number(tensor.byte_len());
        elements(tensor, |bytes| {
            tensors.update(bytes);
            Ok(())
        })
    }
}

/// The elements of a tensor, some at a time.
fn elements<E: From<TensorError>>(
    tensor: &Tensor,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut offset = 0;
    while offset < tensor.byte_len() {
        let bytes = tensor.read(offset, CHUNK)?;
        if bytes.is_empty() {
            return Err(TensorError::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)).into());
        }
        each(&bytes)?;
        offset += bytes.len() as u64;
    }
    Ok(())
}

/// The digest of a tensor's elements alone; `go_on` is asked again and again whether there is still time for it.
pub(crate) fn digest_of_elements<E: From<TensorError>>(
    tensor: &Tensor,
    go_on: impl Fn() -> Result<(), E>,
) -> Result<Digest, E> {
    let mut hash = Sha256::new();
    elements(tensor, |bytes| {
        hash.update(bytes);
        go_on()
    })?;
    Ok(Digest::from(<[u8; 32]>::from(hash.finalize())))
}

impl DataEntry {
    /// What is said of data that comes or goes.
    ///
    /// # Errors
    ///
    /// [`TensorError::Io`] where a file behind a tensor fails.
    pub fn of<'a>(place: &str, task: &str, data: impl Into<Carried<'a>>) -> Result<Self, TensorError> {
        Self::with(place, task, data.into(), true)
    }

    /// What is said of data that comes or goes, with digests or without.
    pub(super) fn with(
        place: &str,
        task: &str,
        data: Carried<'_>,
        digested: bool,
    ) -> Result<Self, TensorError> {
        let found = Found::of(data, digested)?;
        Ok(Self {
            place: text(place),
            task: text(task),
            kind: found.kind.map(str::to_owned),
            tensors: found.tensors.things,
            bytes: found.bytes,
            sha256: found.tensors.digest(),
            text_sha256: found.texts.digest(),
            text_bytes: found.text_bytes,
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
            text_sha256: None,
            text_bytes: 0,
            filters: Vec::new(),
            unfiltered: Vec::new(),
            refused: Some(code),
            by: None,
        }
    }
}
