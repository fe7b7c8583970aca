//! The records of a zip archive, around the data of its entries.
//!
//! The crate `zip` compresses what it writes itself, on one thread. Here the data comes compressed; its
//! records are those that `zip` writes, byte for byte, as the tests of this module say.

use std::io::{self, Write};
use std::mem;

use flate2::Crc;
use time::OffsetDateTime;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const ZIP64_END: u32 = 0x0606_4b50;
const ZIP64_LOCATOR: u32 = 0x0706_4b50;
const END: u32 = 0x0605_4b50;

/// Version 4.5 of the format, the first with zip64; the 3 says that permissions are those of Unix.
const VERSION: u16 = 45;
const MADE_BY: u16 = 3 << 8 | VERSION;
/// Checksum and sizes come after the data of a file; the name is UTF-8.
const DESCRIPTOR_FOLLOWS: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
/// Permissions, and what has them.
const FILE: u32 = 0o100_644;
const DIRECTORY: u32 = 0o040_755;
/// The kind of an extra field with long sizes.
const ZIP64: u16 = 1;

/// How the data of an entry is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored = 0,
    Deflated = 8,
}

/// Writes entries one after the other, and what is known of them at the end.
pub(super) struct Records<W> {
    sink: W,
    /// How many bytes were written.
    position: u64,
    /// The entry that is being written.
    open: Option<Entry>,
    /// The directory at the archive's end, so far.
    central: Vec<u8>,
    entries: u64,
}

struct Entry {
    name: String,
    modified: i64,
    method: Method,
    mode: u32,
    /// Where its header begins, and where its data does.
    header: u64,
    data: u64,
    crc: Crc,
    /// Before compression.
    size: u64,
}

impl<W: Write> Records<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink, position: 0, open: None, central: Vec::new(), entries: 0 }
    }

    /// Begins a file, and ends the one before. The time is in seconds since 1970.
    pub(super) fn file(&mut self, name: String, modified: i64, method: Method) -> io::Result<()> {
        self.begin(name, modified, method, FILE)
    }

    /// An entry without data, whose name ends with a slash.
    pub(super) fn directory(&mut self, name: String, modified: i64) -> io::Result<()> {
        self.begin(name, modified, Method::Stored, DIRECTORY)
    }

    fn begin(&mut self, name: String, modified: i64, method: Method, mode: u32) -> io::Result<()> {
        self.end()?;
        let header = self.position;
        let crc = Crc::new();
        let mut entry = Entry { name, modified, method, mode, header, data: 0, crc, size: 0 };
        let mut record = Record::new(LOCAL_HEADER);
        // A file's sizes are not known before its data is written: each may be one that needs zip64. Those
        // of a directory are, and stand where zip64 has them.
        let sizes = if entry.is_directory() { u32::MAX } else { 0 };
        entry.describe(&mut record, 0, sizes, 20)?;
        record.bytes(entry.name.as_bytes()).u16(ZIP64).u16(16).u64(0).u64(0);
        self.write(&record.0)?;
        entry.data = self.position;
        self.open = Some(entry);
        Ok(())
    }

    /// Adds to the data of a file: as it is kept, and the checksum of what it was.
    pub(super) fn data(&mut self, bytes: &[u8], crc: &Crc) -> io::Result<()> {
        self.write(bytes)?;
        if let Some(entry) = &mut self.open {
            entry.size = entry.size.saturating_add(u64::from(crc.amount()));
            entry.crc.combine(crc);
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(entry) = self.open.take() else { return Ok(()) };
        let (kept, crc) = (self.position.saturating_sub(entry.data), entry.crc.sum());
        if !entry.is_directory() {
            let mut descriptor = Record::new(DESCRIPTOR);
            descriptor.u32(crc).u64(kept).u64(entry.size);
            self.write(&descriptor.0)?;
        }

        let far = entry.header >= u64::from(u32::MAX);
        let extra = if far { 24 } else { 16 };
        let mut record = Record(mem::take(&mut self.central));
        record.u32(CENTRAL_HEADER).u16(MADE_BY);
        entry.describe(&mut record, crc, u32::MAX, extra + 4)?;
        // Neither a comment nor another disk, and nothing said of the contents.
        record.u16(0).u16(0).u16(0).u32(entry.mode << 16).short(entry.header);
        record.bytes(entry.name.as_bytes()).u16(ZIP64).u16(extra).u64(entry.size).u64(kept);
        if far {
            record.u64(entry.header);
        }
        self.central = record.0;
        self.entries += 1;
        Ok(())
    }

    /// Writes the directory of all entries.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.end()?;
        let (start, central) = (self.position, mem::take(&mut self.central));
        self.write(&central)?;
        let (entries, len, end) = (self.entries, central.len() as u64, self.position);
        let long = entries > u64::from(u16::MAX) || len.max(start) > u64::from(u32::MAX);
        if long {
            let mut record = Record::new(ZIP64_END);
            record
                .u64(44)
                .u16(VERSION)
                .u16(VERSION)
                .u32(0)
                .u32(0)
                .u64(entries)
                .u64(entries)
                .u64(len)
                .u64(start);
            record.u32(ZIP64_LOCATOR).u32(0).u64(end).u32(1);
            self.write(&record.0)?;
        }
        let mut record = Record::new(END);
        let entries = u16::try_from(entries).unwrap_or(u16::MAX);
        let len = if long { u64::MAX } else { len };
        record.u16(0).u16(0).u16(entries).u16(entries).short(len).short(start).u16(0);
        self.write(&record.0)?;
        self.sink.flush()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sink.write_all(bytes)?;
        self.position = self.position.saturating_add(bytes.len() as u64);
        Ok(())
    }
}

impl Entry {
    fn is_directory(&self) -> bool {
        self.mode == DIRECTORY
    }

    /// What stands in the header before the data, and again in the directory.
    fn describe(&self, record: &mut Record, crc: u32, sizes: u32, extra: u16) -> io::Result<()> {
        let name = u16::try_from(self.name.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a path has more than 65535 bytes"))?;
        let descriptor = if self.is_directory() { 0 } else { DESCRIPTOR_FOLLOWS };
        let flags = if self.name.is_ascii() { descriptor } else { descriptor | UTF8 };
        let (time, date) = dos_time(self.modified);
        record.u16(VERSION).u16(flags).u16(self.method as u16).u16(time).u16(date);
        record.u32(crc).u32(sizes).u32(sizes).u16(name).u16(extra);
        Ok(())
    }
}

/// Numbers in a row, the lowest byte first.
struct Record(Vec<u8>);

impl Record {
    fn new(signature: u32) -> Self {
        Self(signature.to_le_bytes().to_vec())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    /// A number in four bytes; the greatest where it has more, and stands elsewhere.
    fn short(&mut self, number: u64) -> &mut Self {
        self.u32(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

/// A time and a date in UTC, as zip counts them: in steps of two seconds from 1980, which stands for all
/// that it cannot say.
fn dos_time(seconds: i64) -> (u16, u16) {
    let first = (0, 1 << 5 | 1);
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else { return first };
    let Some(year) = u16::try_from(at.year()).ok().and_then(|year| year.checked_sub(1980)) else {
        return first;
    };
    if year > 127 {
        return first;
    }
    let (hour, minute, second) = at.to_hms();
    let time = u16::from(hour) << 11 | u16::from(minute) << 5 | (u16::from(second) / 2);
    let date = year << 9 | u16::from(u8::from(at.month())) << 5 | u16::from(at.day());
    (time, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_zip_cannot_say_is_its_first() {
        let shown = |seconds| {
            let (time, date) = dos_time(seconds);
            zip::DateTime::try_from_msdos(date, time).unwrap().to_string()
        };
        assert_eq!(shown(1_700_000_000), "2023-11-14 22:13:20");
        assert_eq!(shown(4_354_819_199), "2107-12-31 23:59:58");
        for seconds in [0, -1, 315_532_799, 4_354_819_200, i64::MIN, i64::MAX] {
            assert_eq!(shown(seconds), "1980-01-01 00:00:00");
        }
    }
}
