//! The header of a safetensors file.
//!
//! The crate `safetensors` reads headers too, from a buffer that holds the whole file; it forgets the
//! order of the names and takes the last of two tensors of one name. Here the order is kept and a file
//! that says two things is refused.

use std::fmt;
use std::fs::File;
use std::io;
use std::marker::PhantomData;

use indexmap::IndexMap;
use indexmap::map::Entry as MapEntry;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::tensor::{Dtype, FileRange, MAX_DIMENSIONS};

/// The most that the format allows a header.
const MAX_HEADER: u64 = 100_000_000;
/// The length of the header's length.
const LENGTH: u64 = 8;
const METADATA: &str = "__metadata__";

/// What a header says.
#[derive(Clone, Debug, Default)]
pub(super) struct Header {
    pub(super) metadata: IndexMap<String, String>,
    pub(super) tensors: IndexMap<String, Entry>,
    /// Where the tensors begin in the file, in bytes.
    pub(super) data_start: u64,
}

/// One tensor.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<u64>,
    /// Its first byte and the one after its last, from the start of the data.
    pub(super) data_offsets: (u64, u64),
}

impl Header {
    /// Reads the header of a file of `file_len` bytes. The inner error says what is wrong with it.
    pub(super) fn read(file: &File, file_len: u64) -> io::Result<Result<Self, String>> {
        if file_len < LENGTH {
            return Ok(Err("not a safetensors file: it ends before the length of its header".to_owned()));
        }
        let mut length = [0; LENGTH as usize];
        let all = FileRange::new(std::sync::Arc::new(file.try_clone()?), 0, file_len);
        all.read_into(0, &mut length)?;
        let length = u64::from_le_bytes(length);
        if let Err(reason) = check_header(length) {
            return Ok(Err(format!("not a safetensors file: {reason}")));
        }
        if length > file_len - LENGTH {
            return Ok(Err(format!("truncated: a header of {length} bytes in a file of {file_len} bytes")));
        }
        let mut text = vec![0; length as usize];
        all.read_into(LENGTH, &mut text)?;
        Ok(Self::parse(&text).and_then(|mut header| {
            header.data_start = LENGTH + length;
            header.check(file_len - LENGTH - length)?;
            Ok(header)
        }))
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| format!("its header is invalid: {error}"))
    }

    /// Every tensor has the bytes that its shape asks for, and together they fill the data.
    fn check(&self, data_len: u64) -> Result<(), String> {
        let mut ranges = Vec::with_capacity(self.tensors.len());
        for (name, entry) in &self.tensors {
            let (begin, end) = entry.data_offsets;
            let bytes = entry
                .shape
                .iter()
                .try_fold(entry.dtype.size() as u64, |product, length| product.checked_mul(*length))
                .filter(|_| entry.shape.len() <= MAX_DIMENSIONS)
                .ok_or_else(|| format!("tensor {name:?}: no tensor can have its shape"))?;
            if end.checked_sub(begin) != Some(bytes) {
                return Err(format!(
                    "tensor {name:?}: its offsets {begin} to {end} are not the {bytes} bytes of its shape"
                ));
            }
            ranges.push((begin, end, name));
        }
        ranges.sort_unstable();
        let mut filled = 0;
        for (begin, end, name) in ranges {
            if begin != filled {
                let what = if begin < filled { "overlaps another" } else { "leaves a gap before it" };
                return Err(format!("tensor {name:?} at offset {begin} {what}"));
            }
            filled = end;
        }
        if filled != data_len {
            let what = if filled > data_len { "truncated" } else { "bytes follow the last tensor" };
            return Err(format!("{what}: tensors of {filled} bytes in {data_len} bytes of data"));
        }
        Ok(())
    }

    /// The error says why no reader would take this header.
    pub(super) fn check_writable(&self) -> Result<(), String> {
        if self.tensors.contains_key(METADATA) {
            return Err(format!("a tensor is called {METADATA}"));
        }
        check_header(self.byte_len())
    }

    /// How many bytes it has as text.
    pub(super) fn byte_len(&self) -> u64 {
        json_len(self)
    }

    /// The length and the header as the file begins, padded with spaces so that the data starts at
    /// `data_start`, or at the next multiple of 8; none where the header is longer, or would be longer with the
    /// spaces than any that is read.
    pub(super) fn to_bytes(&self, data_start: Option<u64>) -> Option<Vec<u8>> {
        let end = LENGTH + self.byte_len();
        let data_start = data_start.unwrap_or(end.next_multiple_of(8));
        let length = data_start.checked_sub(LENGTH).filter(|_| end <= data_start)?;
        check_header(length).ok()?;
        let size = usize::try_from(data_start).ok()?;
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&length.to_le_bytes());
        serde_json::to_writer(&mut bytes, self).ok()?;
        bytes.resize(size, b' ');
        Some(bytes)
    }
}

/// The error says that no header has so many bytes.
pub(super) fn check_header(bytes: u64) -> Result<(), String> {
    match bytes > MAX_HEADER {
        true => Err(format!("a header of {bytes} bytes, where the format allows {MAX_HEADER}")),
        false => Ok(()),
    }
}

/// How many bytes this has as JSON. Texts and numbers always have a JSON form.
pub(super) fn json_len(value: &impl Serialize) -> u64 {
    let mut counted = Counted(0);
    let _ = serde_json::to_writer(&mut counted, value);
    counted.0
}

/// Counts what is written to it, and keeps nothing.
struct Counted(u64);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut has_metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                if std::mem::replace(&mut has_metadata, true) {
                    return Err(A::Error::custom(format!("{METADATA} comes twice")));
                }
                header.metadata = map.next_value::<Unique<String>>()?.0;
                continue;
            }
            let entry: RawEntry = map.next_value()?;
            let dtype = Dtype::from_safetensors_name(&entry.dtype).ok_or_else(|| {
                A::Error::custom(format!("tensor {name:?}: its dtype {:?} is none of NumPy's", entry.dtype))
            })?;
            match header.tensors.entry(name) {
                MapEntry::Vacant(vacant) => {
                    vacant.insert(Entry { dtype, shape: entry.shape, data_offsets: entry.data_offsets })
                }
                MapEntry::Occupied(occupied) => {
                    return Err(A::Error::custom(format!("tensor {:?} comes twice", occupied.key())));
                }
            };
        }
        Ok(header)
    }
}

#[derive(serde::Deserialize)]
struct RawEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// An object in which no key comes twice.
pub(super) struct Unique<T>(pub(super) IndexMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor(PhantomData))
    }
}

struct UniqueVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for UniqueVisitor<T> {
    type Value = Unique<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique<T>, A::Error> {
        let mut entries = IndexMap::new();
        while let Some((key, value)) = map.next_entry::<String, T>()? {
            match entries.entry(key) {
                MapEntry::Vacant(vacant) => vacant.insert(value),
                MapEntry::Occupied(occupied) => {
                    return Err(A::Error::custom(format!("{:?} comes twice", occupied.key())));
                }
            };
        }
        Ok(Unique(entries))
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.metadata.is_empty() {
            map.serialize_entry(METADATA, &self.metadata)?;
        }
        for (name, entry) in &self.tensors {
            map.serialize_entry(name, entry)?;
        }
        map.end()
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("dtype", self.dtype.safetensors_name())?;
        map.serialize_entry("shape", &self.shape)?;
        map.serialize_entry("data_offsets", &self.data_offsets)?;
        map.end()
    }
}
