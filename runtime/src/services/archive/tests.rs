//! Archives as bytes: held against those of the crate `zip`, and against themselves.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flate2::Crc;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::entry::{BLOCK, Blocks};
use super::queue::Queue;
use super::records::{Method, Records};
use super::workers::Workers;
use super::{ArchiveAccount, ArchiveError, ArchiveLimits, Contents};
use crate::budget::Budget;
use crate::services::{Call, ServiceError};
use crate::{AbortSignal, Limits};

const LEVEL: u32 = 4;

fn archive(sink: impl Write, directory: &TempDir, threads: usize) -> Result<Contents, ArchiveError> {
    let source = Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
    let call = Call::new(Instant::now() + Duration::from_secs(60), AbortSignal::default());
    super::write(sink, &source, &mut ArchiveLimits::default(), LEVEL, threads, &AtomicU64::default(), &call)
}

/// Text of which no two parts are the same.
fn text(len: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for step in 0_u64.. {
        if text.len() >= len {
            break;
        }
        writeln!(text, "step {step}, loss 0.{}", step.wrapping_mul(2_654_435_761) % 1_000_003).unwrap();
    }
    text.truncate(len);
    text
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn contents(zip: &[u8], name: &str) -> Vec<u8> {
    let mut contents = Vec::new();
    // Reading to the end checks the entry's checksum, too.
    ZipArchive::new(Cursor::new(zip)).unwrap().by_name(name).unwrap().read_to_end(&mut contents).unwrap();
    contents
}

#[test]
fn small_archives_are_those_that_zip_writes() {
    let directory = TempDir::new().unwrap();
    let files = [
        ("a.txt", b"a".to_vec()),
        ("b/empty", Vec::new()),
        ("b/text", text(100_000)),
        ("c\\d:e", b"\0".to_vec()),
        ("weights", noise(2 << 20)),
        ("\u{fc} \u{4e2d}:\\.txt", text(100)),
    ];
    let time = DateTime::from_date_and_time(2023, 11, 14, 22, 13, 20).unwrap();
    let options = SimpleFileOptions::default().large_file(true).last_modified_time(time);
    let mut expected = ZipWriter::new_stream(Vec::new());
    fs::create_dir(directory.path().join("b")).unwrap();
    for (name, bytes) in &files {
        if *name == "b/empty" {
            expected.add_directory("b/", options.unix_permissions(0o755)).unwrap();
        }
        let stored = ["b/empty", "weights"].contains(name);
        let method = if stored { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let level = (!stored).then_some(LEVEL.into());
        let options = options.compression_method(method).compression_level(level).unix_permissions(0o644);
        fs::write(directory.path().join(name), bytes).unwrap();
        expected.start_file(*name, options).unwrap();
        expected.write_all(bytes).unwrap();
    }
    let at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for path in files.iter().map(|(name, _)| *name).chain(["b"]) {
        File::open(directory.path().join(path)).unwrap().set_modified(at).unwrap();
    }
    let mut written = Vec::new();
    archive(&mut written, &directory, 2).unwrap();
    let expected = expected.finish().unwrap().into_inner();
    let names = |zip: &[u8]| {
        let zip = ZipArchive::new(Cursor::new(zip)).unwrap();
        zip.file_names().map(|name| name.unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&written), names(&expected));
    assert!(written == expected);
}

/// How much data is written at once: more than the records of any archive here.
const PART: usize = 64 << 20;

/// Keeps what is short, as records are, and forgets what is long, as data is.
#[derive(Default)]
struct Short(Vec<u8>);

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() < PART {
            self.0.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn large_archives_have_the_records_that_zip_writes() {
    let options = SimpleFileOptions::default()
        .large_file(true)
        .compression_method(CompressionMethod::Stored)
        // Otherwise `zip` takes the time at which it writes.
        .last_modified_time(DateTime::default());
    let part = vec![0; PART];
    let mut crc = Crc::new();
    crc.update(&part);
    // Past four gibibytes, and past 65 535 entries.
    for (parts, directories) in [(1, 2), (64, 2), (65, 65_534), (65, 65_535), (1, 65_534), (1, 65_535)] {
        let (mut ours, mut theirs) = (Short::default(), Short::default());
        let mut records = Records::new(&mut ours);
        let mut zip = ZipWriter::new_stream(&mut theirs);
        records.file("large".to_owned(), 0, Method::Stored).unwrap();
        zip.start_file("large", options.unix_permissions(0o644)).unwrap();
        for _ in 0..parts {
            records.data(&part, &crc).unwrap();
            zip.write_all(&part).unwrap();
        }
        for number in 0..directories {
            records.directory(format!("{number}/"), 0).unwrap();
            zip.add_directory(format!("{number}/"), options.unix_permissions(0o755)).unwrap();
        }
        records.finish().unwrap();
        zip.finish().unwrap();
        assert!(ours.0 == theirs.0, "{parts} parts, {directories} directories");
    }
}

#[test]
fn the_bytes_are_the_same_whatever_the_number_of_threads() {
    let directory = TempDir::new().unwrap();
    for number in 0..40 {
        fs::write(directory.path().join(format!("small-{number}")), text(number * 1000)).unwrap();
    }
    fs::write(directory.path().join("large"), text(20 * BLOCK + 1)).unwrap();
    fs::write(directory.path().join("noise"), noise(10 * BLOCK)).unwrap();
    let bytes = |threads| {
        let mut bytes = Vec::new();
        archive(&mut bytes, &directory, threads).unwrap();
        bytes
    };
    let one = bytes(1);
    for threads in [2, 3, 16] {
        assert!(bytes(threads) == one, "{threads}");
    }
}

#[test]
fn blocks_are_one_stream_when_put_together() {
    let directory = TempDir::new().unwrap();
    let lengths = [1, BLOCK - 1, BLOCK, BLOCK + 1, 7 * BLOCK, 9 * BLOCK + 1];
    for len in lengths {
        fs::write(directory.path().join(len.to_string()), text(len)).unwrap();
    }
    let mut zip = Vec::new();
    archive(&mut zip, &directory, 3).unwrap();
    for len in lengths {
        assert!(contents(&zip, &len.to_string()) == text(len), "{len}");
    }
    // Each block knows the one before: apart from each other they would be larger by a twentieth.
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(LEVEL));
    encoder.write_all(&text(9 * BLOCK + 1)).unwrap();
    let whole = encoder.finish().unwrap().len() as u64;
    let name = (9 * BLOCK + 1).to_string();
    let in_blocks = ZipArchive::new(Cursor::new(zip)).unwrap().by_name(&name).unwrap().compressed_size();
    assert!(in_blocks < whole + whole / 100, "{in_blocks} and {whole}");
}

#[test]
fn a_file_that_is_cut_meanwhile_is_kept_as_far_as_it_goes() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("cut");
    for (len, method) in [0, 1, BLOCK, 3 * BLOCK, 3 * BLOCK + 1]
        .into_iter()
        .flat_map(|len| [(len, Method::Stored), (len, Method::Deflated)])
    {
        fs::write(&path, text(len)).unwrap();
        let file = File::open(&path).unwrap();
        let mut zip = Vec::new();
        std::thread::scope(|scope| {
            let mut queue = Queue::new(&mut zip, Workers::start(scope, 2, LEVEL).unwrap(), 2);
            queue.file("cut".to_owned(), 0, method).unwrap();
            // It had eight blocks when it was opened.
            let mut blocks = Blocks::new(&file, 8 * BLOCK as u64, method);
            while let Some(block) = blocks.next().unwrap() {
                queue.block(block).unwrap();
            }
            assert_eq!(blocks.read(), len as u64);
            queue.finish().unwrap();
        });
        assert!(contents(&zip, "cut") == text(len), "{len} {method:?}");
    }
}

/// Fails once it has so many bytes, and takes no more then.
struct Failing {
    left: usize,
    failed: bool,
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.failed, "it was written to after it had failed");
        if bytes.len() > self.left {
            self.failed = true;
            return Err(io::Error::other("no more"));
        }
        self.left -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_archive_ends_with_the_first_error_of_what_it_is_written_into() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("a"), text(6 * BLOCK)).unwrap();
    fs::write(directory.path().join("b"), noise(12 * BLOCK)).unwrap();
    let mut all = Vec::new();
    archive(&mut all, &directory, 2).unwrap();
    for left in (0..all.len()).step_by(BLOCK / 3).chain([all.len() - 1]) {
        for threads in [1, 4] {
            let result = archive(Failing { left, failed: false }, &directory, threads);
            let Err(ArchiveError::Write(error)) = result else { panic!("{left}: {result:?}") };
            assert_eq!(error.to_string(), "no more");
        }
    }
}

#[test]
fn what_fails_first_is_told_though_more_was_read_by_then() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("a"), "a").unwrap();
    fs::create_dir(directory.path().join("b")).unwrap();
    fs::write(directory.path().join("b").join(std::ffi::OsStr::from_bytes(b"bad\xff")), "").unwrap();
    for threads in [1, 8] {
        let result = archive(Failing { left: 0, failed: false }, &directory, threads);
        assert!(matches!(result, Err(ArchiveError::Write(_))), "{result:?}");
        let result = archive(io::sink(), &directory, threads);
        assert!(matches!(result, Err(ArchiveError::Name(_))), "{result:?}");
    }
}

#[test]
fn names_and_paths_are_memory_of_the_component_until_the_archive_is_dropped() {
    let directory = TempDir::new().unwrap();
    for number in 0..10 {
        fs::write(directory.path().join(format!("{number}{}", "n".repeat(200))), "").unwrap();
    }
    let source = Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
    let archive = |memory| {
        let budget = Budget::new(&Limits { memory, ..Limits::default() }, true);
        let account = ArchiveAccount::of(&budget, &Arc::default());
        let mut limits = ArchiveLimits { account, ..ArchiveLimits::default() };
        let call = Call::new(Instant::now() + Duration::from_secs(60), AbortSignal::default());
        let written = super::write(io::sink(), &source, &mut limits, LEVEL, 1, &AtomicU64::default(), &call);
        assert!(budget.grow(memory).is_err(), "something is taken");
        drop(limits);
        budget.grow(memory).unwrap();
        written.map_err(ServiceError::from)
    };
    let written = archive(10_000);
    let Err(ServiceError::QuotaExceeded(told)) = written else { panic!("{written:?}") };
    assert!(told.starts_with("limit memory reached: "), "{told}");
    assert_eq!(archive(20_000).unwrap().files, 10);
}

#[test]
fn the_deepest_archive_that_anybody_may_have_fits_half_a_stack() {
    let directory = TempDir::new().unwrap();
    let depth = Limits::MOST_ARCHIVE_DEPTH;
    fs::create_dir_all(directory.path().join("d/".repeat(depth as usize))).unwrap();
    let source = Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
    let archive = move || {
        let call = Call::new(Instant::now() + Duration::from_secs(60), AbortSignal::default());
        let mut limits = ArchiveLimits { depth: depth.into(), ..ArchiveLimits::default() };
        super::write(io::sink(), &source, &mut limits, LEVEL, 1, &AtomicU64::default(), &call).unwrap()
    };
    // A service works in a thread of tokio's, which has two MiB.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(archive).unwrap();
    assert_eq!(thread.join().unwrap().entries.len(), depth as usize);
}
