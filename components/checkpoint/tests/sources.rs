//! Sources that read little at a time, fail, or lie.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{self, Read, Seek, SeekFrom, Write};

use checkpoint::{Error, Invalid, Reader, Source};
use common::*;

/// Gives at most `step` bytes a call, nothing from `end` on, and says it has `size`.
struct Odd {
    file: Vec<u8>,
    step: usize,
    end: usize,
    size: u64,
    excess: usize,
}

impl Odd {
    fn new(file: Vec<u8>) -> Self {
        Self { step: usize::MAX, end: file.len(), size: file.len() as u64, excess: 0, file }
    }
}

impl Source for Odd {
    type Error = &'static str;

    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), &'static str> {
        let start = (offset as usize).min(self.end);
        let stop = start.saturating_add(len.min(self.step)).min(self.end);
        into.extend(&self.file[start..stop]);
        into.extend(vec![0; self.excess]);
        Ok(())
    }
}

/// The first call from an offset on fails.
struct Failing<'a>(&'a [u8], u64);

impl Source for Failing<'_> {
    type Error = &'static str;

    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), &'static str> {
        if offset + len as u64 > self.1 && len < 1000 {
            return Err("the disk is on fire");
        }
        Source::read(&mut self.0, offset, len, into).map_err(|never| match never {})
    }
}

#[test]
fn short_reads_are_continued() {
    for name in ["torch1/state_dict.pt", "torch1/state_dict_legacy.pt", "torch1/noncontig.pt"] {
        let file = fixture(name);
        let whole = open(&file).unwrap();
        for step in [1, 7, 100] {
            let mut reader = Reader::new(Odd { step, ..Odd::new(file.clone()) });
            let checkpoint = reader.checkpoint().unwrap();
            assert_eq!(checkpoint, whole);
            for tensor in checkpoint.tensors() {
                let mut into = Vec::new();
                reader.read_tensor(tensor, 0, tensor.elements() as usize, &mut into).unwrap();
                assert_eq!(into, read_all(&file, tensor, 5).unwrap());
            }
        }
    }
}

#[test]
fn a_source_that_gives_less_than_its_size_or_more_than_asked() {
    let file = fixture("torch1/state_dict_legacy.pt");
    let short = Odd { end: 500, ..Odd::new(file.clone()) };
    let error = Reader::new(short).checkpoint().unwrap_err().to_string();
    assert!(error.contains("at offset"), "{error}");
    let long = Odd { excess: 3, ..Odd::new(file.clone()) };
    assert_eq!(Reader::new(long).checkpoint().unwrap(), open(&file).unwrap());
    let endless = Odd { size: u64::MAX, ..Odd::new(file) };
    let error = Reader::new(endless).checkpoint().unwrap_err();
    assert!(matches!(error, Error::Invalid(Invalid::Truncated { .. })), "{error}");
}

#[test]
fn a_failure_says_where_and_why() {
    let file = fixture("torch1/noncontig.pt");
    let error = Reader::new(Failing(&file, 0)).checkpoint().unwrap_err();
    assert!(matches!(error, Error::Source { offset: 0, length: 4, cause: "the disk is on fire" }));
    assert_eq!(error.to_string(), "reading 4 bytes at offset 0 failed: the disk is on fire");
    let checkpoint = open(&file).unwrap();
    let mut reader = Reader::new(Failing(&file, 10));
    let mut into = vec![1, 2];
    for tensor in checkpoint.tensors().iter().filter(|tensor| tensor.elements() > 0) {
        let error = reader.read_tensor(tensor, 0, tensor.elements() as usize, &mut into).unwrap_err();
        assert!(matches!(error, Error::Source { .. }), "{error}");
        assert_eq!(into, [1, 2]);
    }
}

/// A file on a disk, as a native caller would read it.
struct Disk(std::fs::File, u64);

impl Source for Disk {
    type Error = io::Error;

    fn size(&self) -> u64 {
        self.1
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(offset))?;
        (&self.0).take(len as u64).read_to_end(into).map(drop)
    }
}

/// A storage of 5 GB, most of it a hole: offsets beyond 32 bits, and next to nothing in memory.
#[test]
fn a_file_larger_than_a_32_bit_address_space() {
    let numel = 5_000_000_000_u64;
    let tensor = rebuild(persistent("ByteStorage", "0", numel as i64), 0, &[numel as i64], &[1]);
    let column = rebuild(persistent("ByteStorage", "0", numel as i64), 7, &[5, 3], &[999_999_000, 1]);
    let head = stream(pickle(dict(&[("w", tensor), ("c", column)])), &["0"], &numel.to_le_bytes());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&head).unwrap();
    let size = head.len() as u64 + numel;
    file.set_len(size).unwrap();
    for at in [4_999_999_998, 7 + 4 * 999_999_000] {
        file.seek(SeekFrom::Start(head.len() as u64 + at)).unwrap();
        file.write_all(&[5, 6]).unwrap();
    }
    let mut reader = Reader::new(Disk(file, size));
    let checkpoint = reader.checkpoint().unwrap();
    let mut into = Vec::new();
    reader.read_tensor(&checkpoint.tensors()[0], numel - 3, 3, &mut into).unwrap();
    assert_eq!(into, [0, 5, 6]);
    into.clear();
    reader.read_tensor(&checkpoint.tensors()[1], 10, 5, &mut into).unwrap();
    assert_eq!(into, [0, 0, 5, 6, 0]);
}
