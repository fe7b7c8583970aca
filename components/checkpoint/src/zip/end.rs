//! The records at the end of an archive, which say where its directory lies.

use std::ops::Range;

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::error::{Error, Invalid};
use crate::source::{Source, read_exact};

const END: u32 = 0x0605_4b50;
const END_SIZE: usize = 22;
const LOCATOR: u32 = 0x0706_4b50;
const LOCATOR_SIZE: u64 = 20;
const END64: u32 = 0x0606_4b50;
const END64_SIZE: usize = 56;

/// What an end record says, and where it begins.
struct Record {
    entries: u64,
    length: u64,
    start: u64,
    at: u64,
}

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) bytes: Range<u64>,
    pub(super) entries: u64,
}

/// Finds the end record: the last one whose comment reaches exactly to the end of the file.
pub(super) fn find<S: Source>(source: &mut S) -> Result<Directory, Error<S::Error>> {
    const FURTHEST: u64 = END_SIZE as u64 + u16::MAX as u64;
    let size = source.size();
    let length = size.min(FURTHEST);
    let start = size.saturating_sub(length);
    let mut tail = Vec::new();
    // Most archives have no comment: try without before reading 64 KiB.
    let short = length.min(END_SIZE as u64);
    for length in [short, length] {
        tail.clear();
        let offset = size.saturating_sub(length);
        read_exact(
            source,
            "the end of the archive",
            offset,
            usize::try_from(length).unwrap_or(0),
            &mut tail,
        )?;
        let found = (0..=tail.len().saturating_sub(END_SIZE)).rev().find(|&at| {
            let comment = u16_at(&tail, at.saturating_add(20)).map(usize::from);
            u32_at(&tail, at) == Some(END)
                && comment.is_some_and(|len| at.saturating_add(END_SIZE).saturating_add(len) == tail.len())
        });
        if let Some(at) = found {
            let record = tail.get(at..).unwrap_or_default();
            return directory(source, record, offset.saturating_add(at as u64));
        }
    }
    Err(Invalid::Zip { problem: "there is no end record: the archive is cut off", offset: start }.into())
}

fn directory<S: Source>(source: &mut S, record: &[u8], at: u64) -> Result<Directory, Error<S::Error>> {
    let fail = |problem, offset| Invalid::Zip { problem, offset };
    let half = |position| u16_at(record, position).ok_or_else(|| fail("the end record is cut off", at));
    let word = |position| u32_at(record, position).ok_or_else(|| fail("the end record is cut off", at));
    let (disk, first_disk, here, total) = (half(4)?, half(6)?, half(8)?, half(10)?);
    let (size, offset) = (word(12)?, word(16)?);
    let found = match end64(source, at)? {
        None => {
            if disk != 0 || first_disk != 0 || here != total {
                return Err(fail("an archive in several parts", at).into());
            }
            Record { entries: total.into(), length: size.into(), start: offset.into(), at }
        }
        Some(wide) => {
            // All bits set in a narrow field: only the wide one holds.
            let half_agrees = |narrow: u16, wide: u64| narrow == u16::MAX || u64::from(narrow) == wide;
            let word_agrees = |narrow: u32, wide: u64| narrow == u32::MAX || u64::from(narrow) == wide;
            let entries = half_agrees(total, wide.entries) && half_agrees(here, wide.entries);
            if !entries || !word_agrees(size, wide.length) || !word_agrees(offset, wide.start) {
                return Err(fail("the end record and the zip64 end record disagree", at).into());
            }
            wide
        }
    };
    // A gap, or a directory elsewhere, would let two readers see two archives in one file.
    if found.start.checked_add(found.length) != Some(found.at) {
        return Err(fail("the directory does not end where the end records begin", found.start).into());
    }
    Ok(Directory { bytes: found.start..found.at, entries: found.entries })
}

/// The zip64 end record, if there is a locator of it.
fn end64<S: Source>(source: &mut S, end: u64) -> Result<Option<Record>, Error<S::Error>> {
    let Some(at) = end.checked_sub(LOCATOR_SIZE) else { return Ok(None) };
    let mut locator = Vec::new();
    read_exact(source, "the zip64 locator", at, LOCATOR_SIZE as usize, &mut locator)?;
    if u32_at(&locator, 0) != Some(LOCATOR) {
        return Ok(None);
    }
    let fail = |problem, offset| Invalid::Zip { problem, offset };
    let offset = u64_at(&locator, 8).unwrap_or(u64::MAX);
    if u32_at(&locator, 4) != Some(0) || u32_at(&locator, 16).is_none_or(|disks| disks > 1) {
        return Err(fail("an archive in several parts", at).into());
    }
    let mut record = Vec::new();
    read_exact(source, "the zip64 end record", offset, END64_SIZE, &mut record)?;
    let long = |position| u64_at(&record, position).unwrap_or(u64::MAX);
    if u32_at(&record, 0) != Some(END64) {
        return Err(fail("there is no zip64 end record where its locator says", offset).into());
    }
    if offset.checked_add(12).and_then(|start| start.checked_add(long(4))) != Some(at) {
        return Err(fail("the zip64 end record does not end where its locator begins", offset).into());
    }
    if u64_at(&record, 16) != Some(0) || long(24) != long(32) {
        return Err(fail("an archive in several parts", offset).into());
    }
    Ok(Some(Record { entries: long(32), length: long(40), start: long(48), at: offset }))
}
