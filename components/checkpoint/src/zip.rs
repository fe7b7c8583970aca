//! Zip archives, as far as `torch.save` writes them: stored entries, found by the central directory alone.
//! Checksums are not verified: that would mean reading whole entries.

mod directory;
mod end;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::error::{Error, Invalid, shown};
use crate::source::{Source, read_exact};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const LOCAL_SIZE: usize = 30;
/// The mark of a field whose value stands in the zip64 extra field.
const IN_ZIP64: u32 = u32::MAX;
/// Flag: sizes stand behind the data, not in the local header.
const DESCRIPTOR: u16 = 8;

/// What the central directory says of an entry.
#[derive(Debug)]
struct Entry {
    flags: u16,
    size: u64,
    header: u64,
    /// Where the next entry, or the directory, begins.
    limit: u64,
}

pub(crate) struct Archive {
    entries: BTreeMap<String, Entry>,
    prefix: String,
}

impl Archive {
    /// Reads the directory, and finds the one `<prefix>/data.pkl`.
    pub(crate) fn open<S: Source>(source: &mut S) -> Result<Self, Error<S::Error>> {
        let place = end::find(source)?;
        let entries = directory::read(source, &place)?;
        let mut prefixes = entries
            .keys()
            .filter_map(|name| name.strip_suffix("/data.pkl"))
            .filter(|prefix| !prefix.is_empty() && !prefix.contains('/'));
        let prefix =
            prefixes.next().ok_or_else(|| Invalid::Missing { entry: "*/data.pkl".to_owned() })?.to_owned();
        if prefixes.next().is_some() {
            return Err(Invalid::Repeated { what: "zip entry", name: "*/data.pkl".to_owned() }.into());
        }
        let mut archive = Self { entries, prefix };
        archive.check_byte_order(source)?;
        Ok(archive)
    }

    /// Where the pickle lies.
    pub(crate) fn pickle<S: Source>(&mut self, source: &mut S) -> Result<Range<u64>, Error<S::Error>> {
        self.locate(source, "data.pkl")
    }

    /// Where a storage lies.
    pub(crate) fn storage<S: Source>(
        &mut self,
        source: &mut S,
        key: &str,
    ) -> Result<Range<u64>, Error<S::Error>> {
        self.locate(source, &format!("data/{key}"))
    }

    /// torch 2 writes an entry `byteorder`; before, there was no choice.
    fn check_byte_order<S: Source>(&mut self, source: &mut S) -> Result<(), Error<S::Error>> {
        if !self.entries.contains_key(&format!("{}/byteorder", self.prefix)) {
            return Ok(());
        }
        let place = self.locate(source, "byteorder")?;
        let mut text = Vec::new();
        let size = place.end.saturating_sub(place.start).min(16);
        read_exact(
            source,
            "the entry byteorder",
            place.start,
            usize::try_from(size).unwrap_or(0),
            &mut text,
        )?;
        match text.as_slice() {
            b"little" => Ok(()),
            _ => Err(Invalid::BigEndian { place: "the zip entry byteorder".to_owned() }.into()),
        }
    }

    /// Reads an entry's local header, which must agree with the directory, and answers where its data lie.
    fn locate<S: Source>(&mut self, source: &mut S, name: &str) -> Result<Range<u64>, Error<S::Error>> {
        let name = format!("{}/{name}", self.prefix);
        let Some(entry) = self.entries.get(&name) else {
            return Err(Invalid::Missing { entry: shown(&name) }.into());
        };
        let offset = entry.header;
        let wrong = |problem| Invalid::Entry { entry: shown(&name), problem, offset };
        let mut header = Vec::new();
        read_exact(source, "a zip entry's local header", offset, LOCAL_SIZE, &mut header)?;
        let cut = || wrong("its local header is cut off");
        let half = |at| u16_at(&header, at).ok_or_else(cut);
        let word = |at| u32_at(&header, at).ok_or_else(cut);
        if word(0)? != LOCAL_HEADER {
            return Err(wrong("there is no local header where the directory says").into());
        }
        if half(6)? != entry.flags || half(8)? != 0 {
            return Err(wrong("its local header has other flags or another method").into());
        }
        let (packed, plain) = (word(18)?, word(22)?);
        let (name_len, extra_len) = (usize::from(half(26)?), usize::from(half(28)?));
        let behind = offset.saturating_add(LOCAL_SIZE as u64);
        let mut tail = Vec::new();
        read_exact(source, "a zip entry's name", behind, name_len.saturating_add(extra_len), &mut tail)?;
        let (local_name, extra) = tail.split_at_checked(name_len).ok_or_else(cut)?;
        if local_name != name.as_bytes() {
            return Err(wrong("its local header has another name").into());
        }
        let mut wide = zip64(extra).unwrap_or_default();
        for field in [plain, packed] {
            let size = if field == IN_ZIP64 { next(&mut wide) } else { Some(field.into()) };
            let later = entry.flags & DESCRIPTOR != 0 && size.is_none_or(|size| size == 0);
            if size != Some(entry.size) && !later {
                return Err(wrong("its local header has another size").into());
            }
        }
        let start = behind.saturating_add(tail.len() as u64);
        match start.checked_add(entry.size) {
            Some(end) if end <= entry.limit => Ok(start..end),
            _ => Err(wrong("it overlaps what comes after it").into()),
        }
    }
}

/// The zip64 field among the extra fields.
fn zip64(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let (kind, len) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let (field, rest) = extra.get(4..)?.split_at_checked(len)?;
        if kind == 1 {
            return Some(field);
        }
        extra = rest;
    }
}

/// The next number of a zip64 field.
fn next(field: &mut &[u8]) -> Option<u64> {
    let number = u64_at(field, 0)?;
    *field = field.get(8..)?;
    Some(number)
}
