//! The central directory: the one list of entries that is believed.

use std::collections::BTreeMap;

use super::end::Directory;
use super::{Entry, IN_ZIP64, LOCAL_SIZE, next, zip64};
use crate::bytes::{u16_at, u32_at};
use crate::error::{Error, Invalid, shown, shown_bytes};
use crate::limits::{MAX_DIRECTORY, MAX_ENTRIES};
use crate::source::{Source, read_exact};

const RECORD: u32 = 0x0201_4b50;
const RECORD_SIZE: usize = 46;

pub(super) fn read<S: Source>(
    source: &mut S,
    place: &Directory,
) -> Result<BTreeMap<String, Entry>, Error<S::Error>> {
    let size = place.bytes.end.saturating_sub(place.bytes.start);
    for (what, size, limit) in [
        ("entries of the archive", place.entries, MAX_ENTRIES),
        ("bytes of its directory", size, MAX_DIRECTORY),
    ] {
        if size > limit {
            return Err(Invalid::TooLarge { what: what.to_owned(), size, limit }.into());
        }
    }
    let mut data = Vec::new();
    let length = usize::try_from(size).unwrap_or(usize::MAX);
    read_exact(source, "the zip directory", place.bytes.start, length, &mut data)?;
    Ok(parse(&data, place)?)
}

fn parse(data: &[u8], place: &Directory) -> Result<BTreeMap<String, Entry>, Invalid> {
    let mut entries = BTreeMap::new();
    let mut rest = data;
    for _ in 0..place.entries {
        let at = place.bytes.start.saturating_add((data.len().saturating_sub(rest.len())) as u64);
        let (name, entry, after) = record(rest, at, place.bytes.start)?;
        rest = after;
        if entries.contains_key(&name) {
            return Err(Invalid::Repeated { what: "zip entry", name: shown(&name) });
        }
        entries.insert(name, entry);
    }
    if !rest.is_empty() {
        let problem = "the directory is longer than its entries";
        return Err(Invalid::Zip { problem, offset: place.bytes.end.saturating_sub(rest.len() as u64) });
    }
    set_limits(&mut entries, place.bytes.start)?;
    Ok(entries)
}

/// One record of the directory, and what follows it.
fn record(data: &[u8], at: u64, directory: u64) -> Result<(String, Entry, &[u8]), Invalid> {
    let cut = || Invalid::Zip { problem: "a record of the directory is cut off", offset: at };
    let half = |position| u16_at(data, position).ok_or_else(cut);
    let word = |position| u32_at(data, position).ok_or_else(cut);
    if word(0)? != RECORD {
        return Err(Invalid::Zip {
            problem: "a record of the directory does not begin like one",
            offset: at,
        });
    }
    let (flags, method, packed, plain) = (half(8)?, half(10)?, word(20)?, word(24)?);
    let (name_len, extra_len, comment_len) = (half(28)?, half(30)?, half(32)?);
    let (disk, header) = (half(34)?, word(42)?);
    let rest = data.get(RECORD_SIZE..).ok_or_else(cut)?;
    let (name, rest) = rest.split_at_checked(name_len.into()).ok_or_else(cut)?;
    let (extra, rest) = rest.split_at_checked(extra_len.into()).ok_or_else(cut)?;
    let (_, rest) = rest.split_at_checked(comment_len.into()).ok_or_else(cut)?;
    let wrong = |problem| Invalid::Entry { entry: shown_bytes(name), problem, offset: at };
    let Ok(text) = std::str::from_utf8(name) else { return Err(wrong("its name is not UTF-8")) };
    // The zip64 field holds those of the three numbers that do not fit, in this order.
    let mut wide = zip64(extra).unwrap_or_default();
    let mut number = |field: u32| match field {
        IN_ZIP64 => next(&mut wide).ok_or_else(|| wrong("its zip64 field is missing or cut off")),
        field => Ok(u64::from(field)),
    };
    let (plain, packed, header) = (number(plain)?, number(packed)?, number(header)?);
    if method != 0 {
        return Err(Invalid::Compressed { entry: shown(text), method });
    }
    // Bits 0, 6 and 13 are kinds of encryption, bit 5 is a patch.
    if flags & 0x2061 != 0 {
        return Err(wrong("it is encrypted or a patch"));
    }
    if disk != 0 {
        return Err(wrong("it lies in another part of the archive"));
    }
    if plain != packed {
        return Err(wrong("it is stored, yet has two sizes"));
    }
    let least = (LOCAL_SIZE as u64).saturating_add(name.len() as u64);
    if header.checked_add(least).and_then(|start| start.checked_add(plain)).is_none_or(|end| end > directory)
    {
        return Err(wrong("it does not lie before the directory"));
    }
    Ok((text.to_owned(), Entry { flags, size: plain, header, limit: directory }, rest))
}

/// No entry may reach into the next one.
fn set_limits(entries: &mut BTreeMap<String, Entry>, directory: u64) -> Result<(), Invalid> {
    let mut order: Vec<(&String, &mut Entry)> = entries.iter_mut().collect();
    order.sort_by_key(|(_, entry)| entry.header);
    let mut limit = directory;
    for (name, entry) in order.into_iter().rev() {
        let least = (LOCAL_SIZE as u64).saturating_add(name.len() as u64).saturating_add(entry.size);
        if entry.header.saturating_add(least) > limit {
            let problem = "it overlaps another entry";
            return Err(Invalid::Entry { entry: shown(name), problem, offset: entry.header });
        }
        entry.limit = limit;
        limit = entry.header;
    }
    Ok(())
}
