//! Tensors whose numbers lie, and strides of every kind held against a plain loop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use checkpoint::{Error, Invalid, Reader, Source};
use common::*;
use proptest::prelude::*;

const DATA: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[test]
fn numbers_that_reach_beyond_the_storage() {
    let beyond = "tensor 'w': it reaches beyond the end of its storage";
    refused(&one(0, &[13], &[1], 12, DATA), beyond);
    refused(&one(1, &[12], &[1], 12, DATA), beyond);
    refused(&one(12, &[], &[], 12, DATA), beyond);
    refused(&one(13, &[], &[], 12, DATA), "tensor 'w': it begins beyond the end of its storage");
    refused(&one(13, &[0], &[1], 12, DATA), "it begins beyond");
    refused(&one(0, &[3, 2], &[5, 2], 12, DATA), beyond);
    refused(&one(0, &[2], &[i64::MAX], 12, DATA), beyond);
    refused(&one(0, &[3, 3], &[i64::MAX, i64::MAX], 12, DATA), beyond);
    refused(&one(i64::MAX, &[2], &[1], 12, DATA), "it begins beyond");
    open(&one(1, &[3, 2], &[4, 2], 12, DATA)).unwrap();
    open(&one(12, &[0, 5], &[i64::MAX, 1], 12, DATA)).unwrap();
}

#[test]
fn numbers_that_are_no_sizes() {
    refused(&one(0, &[-1], &[1], 12, DATA), "tensor 'w': a size is negative or too large");
    refused(&one(0, &[3], &[-1], 12, DATA), "tensor 'w': a stride is negative or too large");
    refused(&one(-1, &[3], &[1], 12, DATA), "tensor 'w': its storage offset is negative or too large");
    refused(&one(0, &[3], &[1, 1], 12, DATA), "it has not as many strides as dimensions");
    refused(&one(0, &[1 << 32, 1 << 32], &[0, 0], 12, DATA), "its shape is too large to count its elements");
    refused(&one(0, &[1 << 62], &[0], 12, DATA), "it repeats its storage too often");
    refused(&one(0, &[1; 33], &[1; 33], 12, DATA), "too many dimensions");
    open(&one(0, &[1; 32], &[1; 32], 12, DATA)).unwrap();
}

#[test]
fn storages_of_another_size() {
    let lie = "storage '0': the elements that the pickle declares do not take the bytes that the file has";
    for numel in [0, 11, 13, i64::MAX] {
        refused(&one(0, &[1], &[1], numel, DATA), lie);
    }
    let wide = rebuild(persistent("DoubleStorage", "0", i64::MAX), 0, &[1], &[1]);
    refused(&zipped(&pickle(dict(&[("w", wide)])), &[("0", DATA)]), lie);
    let first = rebuild(persistent("ByteStorage", "0", 12), 0, &[1], &[1]);
    let second = rebuild(persistent("IntStorage", "0", 3), 0, &[1], &[1]);
    let both = pickle(dict(&[("w", first), ("v", second)]));
    refused(&zipped(&both, &[("0", DATA)]), "storage '0': used with two dtypes or sizes");
}

#[test]
fn keys_that_lead_elsewhere() {
    for key in ["../data.pkl", "..", "", "0/../0", "/etc/passwd", "0\0", "\u{202e}0", &"1".repeat(65)] {
        let tensor = rebuild(persistent("ByteStorage", key, 3), 0, &[3], &[1]);
        let file = zipped(&pickle(dict(&[("w", tensor)])), &[(key, &[1, 2, 3])]);
        refused(&file, "not a key that torch.save writes");
    }
}

#[test]
fn windows_that_the_tensor_does_not_have() {
    let file = one(0, &[3, 4], &[1, 3], 12, DATA);
    let checkpoint = open(&file).unwrap();
    let tensor = &checkpoint.tensors()[0];
    let mut reader = Reader::new(file.as_slice());
    let mut into = vec![99];
    for (start, count) in [(0, 13), (12, 1), (13, 0), (u64::MAX, 1), (1, usize::MAX), (u64::MAX, usize::MAX)]
    {
        let error = invalid(reader.read_tensor(tensor, start, count, &mut into).unwrap_err());
        assert!(matches!(error, Invalid::Window { .. }), "{error}");
    }
    reader.read_tensor(tensor, 12, 0, &mut into).unwrap();
    assert_eq!(into, [99]);
}

/// Another file's tensor is an error or other numbers, never a panic.
#[test]
fn a_tensor_of_another_file() {
    let long = vec![7; 5000];
    let file = one(0, &[5000], &[1], 5000, &long);
    let checkpoint = open(&file).unwrap();
    let mut into = vec![];
    let mut reader = Reader::new(&file[..300]);
    let error = reader.read_tensor(&checkpoint.tensors()[0], 0, 5000, &mut into).unwrap_err();
    assert!(error.to_string().starts_with("a tensor's elements at offset"), "{error}");
    assert!(into.is_empty());
}

/// A source that counts its calls.
struct Counting<'a> {
    file: &'a [u8],
    calls: usize,
    bytes: usize,
}

impl Source for Counting<'_> {
    type Error = std::convert::Infallible;

    fn size(&self) -> u64 {
        self.file.len() as u64
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Self::Error> {
        self.calls += 1;
        self.bytes += len;
        self.file.read(offset, len, into)
    }
}

/// Calls and bytes that it takes to read a tensor in windows of so many elements.
fn cost(shape: &[i64], strides: &[i64], numel: usize, window: usize) -> (usize, usize) {
    let data: Vec<u8> = (0..numel).map(|index| (index % 251) as u8).collect();
    let file = one(0, shape, strides, numel as i64, &data);
    let checkpoint = open(&file).unwrap();
    let tensor = &checkpoint.tensors()[0];
    let mut reader = Reader::new(Counting { file: &file, calls: 0, bytes: 0 });
    let mut all = Vec::new();
    let mut start = 0;
    while start < tensor.elements() {
        let count = window.min((tensor.elements() - start) as usize);
        reader
            .read_tensor(tensor, start, count, &mut all)
            .unwrap_or_else(|error: Error<_>| panic!("{error}"));
        start += count as u64;
    }
    assert_eq!(all, plain(&data, 0, shape, strides));
    let source = reader.into_source();
    (source.calls, source.bytes)
}

#[test]
fn reads_are_few() {
    let million = 1 << 20;
    // Contiguous: one read a window, and dimensions of one do not matter.
    assert_eq!(cost(&[1024, 1, 1024], &[1024, 77, 1], million, million / 4), (4, million));
    // Transposed: one pass over the storage for each window.
    let (calls, bytes) = cost(&[1024, 1024], &[1, 1024], million, million);
    assert!(calls <= 6 && bytes <= million + 2048, "{calls} {bytes}");
    // Channels last, as convolutions are.
    let (calls, bytes) = cost(&[64, 32, 16, 16], &[8192, 1, 512, 32], 1 << 19, 1 << 18);
    assert!(calls <= 10 && bytes <= million, "{calls} {bytes}");
    // Every second column; every fourth row; one number everywhere.
    let (calls, _) = cost(&[1024, 512], &[1024, 2], million, 1 << 16);
    assert!(calls <= 24, "{calls}");
    let (calls, bytes) = cost(&[64, 1024], &[16384, 1], million, 1 << 16);
    assert!(calls <= 66 && bytes <= 1 << 16, "{calls} {bytes}");
    assert!(cost(&[1024, 1024], &[0, 0], 1, million).0 <= 2);
    // Rows that overlap.
    let (calls, _) = cost(&[4096, 100], &[1, 1], 4195, 1 << 20);
    assert!(calls <= 4, "{calls}");
}

/// The plain loop that the reader is held against.
fn plain(data: &[u8], offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let (Some((&size, shape)), Some((&stride, strides))) = (shape.split_first(), strides.split_first())
    else {
        return vec![data[offset as usize]];
    };
    (0..size).flat_map(|index| plain(data, offset + index * stride, shape, strides)).collect()
}

proptest! {
    #[test]
    fn any_strides_are_read_like_the_plain_loop(
        dims in prop::collection::vec((0_i64..5, 0_i64..20), 0..5),
        offset in 0_i64..9,
        window in 1_usize..40,
    ) {
        let (shape, strides): (Vec<i64>, Vec<i64>) = dims.into_iter().unzip();
        let reach: i64 = shape.iter().zip(&strides).map(|(size, stride)| (size - 1).max(0) * stride).sum();
        let data: Vec<u8> = (0..=offset + reach).map(|index| (index % 251) as u8).collect();
        let file = one(offset, &shape, &strides, data.len() as i64, &data);
        let checkpoint = open(&file).unwrap();
        let read = read_all(&file, &checkpoint.tensors()[0], window).unwrap();
        prop_assert_eq!(read, plain(&data, offset, &shape, &strides));
    }

    /// The orders that real tensors have: permutations of contiguous ones, sliced.
    #[test]
    fn any_permutation_is_read_like_the_plain_loop(
        sizes in prop::collection::vec(1_i64..6, 1..5),
        seed in any::<u64>(),
        window in 1_usize..100,
    ) {
        let mut strides = vec![1; sizes.len()];
        for at in (1..sizes.len()).rev() {
            strides[at - 1] = strides[at] * sizes[at];
        }
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|&at| seed.rotate_left(at as u32 * 7) % 13);
        let data: Vec<u8> = (0..sizes.iter().product::<i64>()).map(|index| (index % 251) as u8).collect();
        let shape: Vec<i64> = order.iter().map(|&at| sizes[at]).collect();
        let strides: Vec<i64> = order.iter().map(|&at| strides[at]).collect();
        let file = one(0, &shape, &strides, data.len() as i64, &data);
        let checkpoint = open(&file).unwrap();
        let read = read_all(&file, &checkpoint.tensors()[0], window).unwrap();
        prop_assert_eq!(read, plain(&data, 0, &shape, &strides));
    }
}
