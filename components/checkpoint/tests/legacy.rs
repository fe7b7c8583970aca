//! The legacy stream, true and false.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;

fn object() -> Vec<u8> {
    let first = rebuild(persistent("ByteStorage", "77", 3), 0, &[3], &[1]);
    let second = rebuild(persistent("ShortStorage", "66", 2), 0, &[2], &[1]);
    pickle(dict(&[("w", first), ("v", second)]))
}

/// Storages in the order 66, 77.
const STORAGES: &[u8] = b"\x02\0\0\0\0\0\0\0\x01\0\x02\0\x03\0\0\0\0\0\0\0\x07\x08\x09";

#[test]
fn storages_follow_in_the_order_of_their_keys() {
    let file = stream(object(), &["66", "77"], STORAGES);
    let checkpoint = open(&file).unwrap();
    assert_eq!(read_all(&file, checkpoint.tensor("w").unwrap(), 2).unwrap(), [7, 8, 9]);
    assert_eq!(read_all(&file, checkpoint.tensor("v").unwrap(), 1).unwrap(), [1, 0, 2, 0]);
}

#[test]
fn a_large_object_is_read_piece_by_piece() {
    let names: Vec<String> = (0..5000).map(|index| format!("layer.{index}.weight")).collect();
    let tensor = rebuild(persistent("ByteStorage", "0", 3), 1, &[2], &[1]);
    let items: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (name.as_str(), tensor.clone())).collect();
    let file = stream(pickle(dict(&items)), &["0"], b"\x03\0\0\0\0\0\0\0\x07\x08\x09");
    let checkpoint = open(&file).unwrap();
    assert_eq!(checkpoint.tensors().len(), 5000);
    assert_eq!(read_all(&file, &checkpoint.tensors()[4999], 9).unwrap(), [8, 9]);
}

#[test]
fn frames_that_lie() {
    let file = stream(object(), &["66", "77"], STORAGES);
    let mut magic = file.clone();
    magic[5] ^= 1;
    refused(&magic, "legacy stream: its magic number is another (offset 0)");
    let at = file.windows(8).position(|bytes| bytes == [0xe9, 3, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut version = file.clone();
    version[at] ^= 1;
    refused(&version, "its version is not 1001 (offset 15)");
    let at = file.windows(13).position(|bytes| bytes == b"little_endian").unwrap();
    let mut big = file.clone();
    big[at + 13] = 0x89;
    refused(&big, "the legacy stream at offset 28 says that the numbers are not little-endian");
    big[at + 13] = b'N';
    refused(&big, "it does not say whether it is little-endian");
    big[at] = b'L';
    refused(&big, "it does not say whether it is little-endian");
}

#[test]
fn storages_that_lie() {
    refused(&stream(object(), &["66"], STORAGES), "storage '77': the file does not have it");
    refused(
        &stream(object(), &["66", "78"], STORAGES),
        "storage '78': the stream has a storage that the object",
    );
    refused(&stream(object(), &["77", "66"], STORAGES), "storage '77': the stream and the pickle count");
    refused(&stream(object(), &["66", "66"], &STORAGES.repeat(2)), "count its elements differently");
    let twice = [&STORAGES[..12], &STORAGES[..12]].concat();
    refused(&stream(object(), &["66", "66"], &twice), "storage '66' occurs more than once");
    refused(&stream(object(), &["66", "77"], &STORAGES[..22]), "storage '77' at offset");
    refused(&stream(object(), &["66", "77"], &STORAGES[..12]), "the count of a storage at offset");
    let absurd = rebuild(persistent("DoubleStorage", "1", i64::MAX), 0, &[1], &[1]);
    let file = stream(pickle(dict(&[("w", absurd)])), &["1"], &i64::MAX.to_le_bytes());
    refused(&file, "storage '1' at offset");
}
