//! One entry: how it is compressed, and what is kept of its metadata.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use time::{OffsetDateTime, PrimitiveDateTime};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime};

/// How much is read at once, in bytes.
pub(super) const READ: usize = 256 << 10;

/// The length of a sample. Two are taken: weights follow after a header that compresses well.
const SAMPLE: usize = 64 << 10;

/// Smaller files are not worth a sample: they cost little either way.
const SAMPLED: u64 = 1 << 20;

/// Whether a file is worth compressing: its beginning and its middle must shrink by a tenth.
pub(super) fn method(file: &File, len: u64) -> io::Result<CompressionMethod> {
    if len == 0 {
        return Ok(CompressionMethod::Stored);
    }
    if len < SAMPLED {
        return Ok(CompressionMethod::Deflated);
    }
    let mut buffer = vec![0; SAMPLE];
    let mut sampled = 0;
    let mut compressed = 0;
    for offset in [0, len / 2] {
        let sample = read_at(file, &mut buffer, offset, len)?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(sample)?;
        sampled += sample.len();
        compressed += encoder.finish()?.len();
    }
    let shrinks = compressed < sampled / 10 * 9;
    Ok(if shrinks { CompressionMethod::Deflated } else { CompressionMethod::Stored })
}

/// Fills the buffer from byte `offset`, or reads what there is before `end`.
pub(super) fn read_at<'a>(file: &File, buffer: &'a mut [u8], offset: u64, end: u64) -> io::Result<&'a [u8]> {
    let wanted = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
    let mut filled = 0;
    while filled < wanted {
        let Some(rest) = buffer.get_mut(filled..wanted) else { break };
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

pub(super) fn file_options(modified: i64, method: CompressionMethod, level: u32) -> SimpleFileOptions {
    let level = (method == CompressionMethod::Deflated).then_some(i64::from(level.clamp(1, 9)));
    options(modified).compression_method(method).compression_level(level).unix_permissions(0o644)
}

pub(super) fn directory_options(modified: i64) -> SimpleFileOptions {
    options(modified).unix_permissions(0o755)
}

/// Sizes are not known before the data is written: each may be one that needs zip64.
fn options(modified: i64) -> SimpleFileOptions {
    SimpleFileOptions::default().large_file(true).last_modified_time(zip_time(modified))
}

/// A time in UTC, as zip counts it: in steps of two seconds from 1980, which stands for all before.
fn zip_time(seconds: i64) -> DateTime {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(seconds) else { return DateTime::default() };
    PrimitiveDateTime::new(time.date(), time.time()).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_zip_cannot_say_is_its_first() {
        assert_eq!(zip_time(1_700_000_000).to_string(), "2023-11-14 22:13:20");
        for seconds in [0, -1, i64::MIN, i64::MAX, 5_000_000_000] {
            assert_eq!(zip_time(seconds).year(), 1980);
        }
    }
}
