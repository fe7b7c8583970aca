//! Archives that lie, and archives as newer torch writes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;

fn parts() -> Vec<Part> {
    let tensor = rebuild(persistent("ByteStorage", "0", 3), 0, &[3], &[1]);
    vec![
        part("a/data.pkl", &pickle(dict(&[("w", tensor)]))),
        part("a/data/0", &[1, 2, 3]),
        part("a/version", b"3\n"),
    ]
}

/// The archive with one of its parts changed.
fn with(index: usize, change: impl FnOnce(&mut Part)) -> Vec<u8> {
    let mut parts = parts();
    change(&mut parts[index]);
    archive(&parts, &Ends::default())
}

fn reads(file: &[u8]) {
    let checkpoint = open(file).unwrap();
    assert_eq!(read_all(file, &checkpoint.tensors()[0], 2).unwrap(), [1, 2, 3]);
}

#[test]
fn archives_as_they_should_be() {
    reads(&archive(&parts(), &Ends::default()));
    reads(&archive(&parts(), &Ends { zip64: true, ..Ends::default() }));
    reads(&archive(&parts(), &Ends { comment: vec![b'c'; 70], ..Ends::default() }));
    reads(&archive(&parts(), &Ends { comment: vec![b'c'; 65535], ..Ends::default() }));
    for index in 0..2 {
        reads(&with(index, |part| part.wide = true));
        reads(&with(index, |part| part.flags = 8));
        reads(&with(index, |part| part.flags = 0x0808));
        reads(&with(index, |part| (part.flags, part.local_size) = (8, Some(part.data.len() as u32))));
    }
}

#[test]
fn archives_of_newer_torch() {
    let mut parts = parts();
    parts.insert(1, part("a/.format_version", b"1"));
    parts.insert(2, part("a/.storage_alignment", b"64"));
    parts.insert(3, part("a/byteorder", b"little"));
    parts.push(part("a/.data/serialization_id", b"0636457737946401051300000027264370494161"));
    reads(&archive(&parts, &Ends { zip64: true, ..Ends::default() }));
    for order in [&b"big"[..], b"", b"little-endian", &[0; 1000]] {
        parts[3].data = order.to_vec();
        refused(&archive(&parts, &Ends::default()), "byteorder says that the numbers are not little-endian");
    }
}

#[test]
fn entries_that_are_not_stored() {
    refused(&with(1, |part| part.method = 8), "zip entry 'a/data/0' is compressed (method 8)");
    refused(&with(2, |part| part.method = 93), "zip entry 'a/version' is compressed (method 93)");
    refused(&with(1, |part| part.flags = 1), "zip entry 'a/data/0': it is encrypted");
}

#[test]
fn local_headers_that_disagree() {
    refused(
        &with(1, |part| part.local_name = Some("a/data/1".into())),
        "'a/data/0': its local header has another name",
    );
    refused(&with(0, |part| part.local_name = Some("b/data.pkl".into())), "another name");
    refused(&with(1, |part| part.local_size = Some(4)), "'a/data/0': its local header has another size");
    refused(&with(1, |part| part.local_size = Some(u32::MAX)), "another size");
    refused(&with(1, |part| (part.flags, part.local_size) = (8, Some(2))), "another size");
    let mut file = archive(&parts(), &Ends::default());
    let local = file.windows(8).position(|bytes| bytes == b"a/data/0").unwrap() - 30;
    file[local + 8] = 8;
    refused(&file, "its local header has other flags or another method");
    file[local] = b'Q';
    refused(&file, "there is no local header where the directory says");
}

#[test]
fn entries_that_overlap_or_lie_elsewhere() {
    refused(&with(1, |part| part.header = Some(0)), "it overlaps another entry");
    refused(&with(1, |part| part.header = Some(3)), "it overlaps another entry");
    refused(&with(1, |part| part.header = Some(1 << 31)), "it does not lie before the directory");
    refused(&with(1, |part| part.size = Some(10_000)), "it does not lie before the directory");
    refused(&with(1, |part| part.size = Some(30)), "it overlaps another entry");
    // Behind its extra field it would reach seven bytes too far.
    refused(
        &with(1, |part| (part.size, part.local_size) = (Some(8), Some(8))),
        "it overlaps what comes after it",
    );
    for absurd in [u64::MAX, u64::MAX - 40, 1 << 63, 1 << 40] {
        refused(
            &with(1, |part| (part.wide, part.size) = (true, Some(absurd))),
            "it does not lie before the directory",
        );
        refused(
            &with(1, |part| (part.wide, part.header) = (true, Some(absurd))),
            "it does not lie before the directory",
        );
    }
}

#[test]
fn names_that_occur_twice_or_not_at_all() {
    let mut twice = parts();
    twice.push(part("a/data/0", &[4, 5, 6]));
    refused(&archive(&twice, &Ends::default()), "zip entry 'a/data/0' occurs more than once");
    let mut two = parts();
    two.push(part("b/data.pkl", b"N."));
    refused(&archive(&two, &Ends::default()), "zip entry '*/data.pkl' occurs more than once");
    refused(&archive(&parts()[1..], &Ends::default()), "zip entry '*/data.pkl' is missing");
    refused(&archive(&parts()[..1], &Ends::default()), "zip entry 'a/data/0' is missing");
    refused(&with(0, |part| part.name = "data.pkl".into()), "'*/data.pkl' is missing");
    refused(&with(0, |part| part.name = "/data.pkl".into()), "'*/data.pkl' is missing");
    refused(&with(0, |part| part.name = "a/b/data.pkl".into()), "'*/data.pkl' is missing");
    let mut other = archive(&parts(), &Ends::default());
    let last = other.windows(9).rposition(|bytes| bytes == b"a/version").unwrap();
    other[last] = 0xff;
    refused(&other, "its name is not UTF-8");
}

#[test]
fn end_records_that_lie() {
    let ends = |ends: Ends| archive(&parts(), &ends);
    for zip64 in [false, true] {
        let lie = Ends { zip64, ..Ends::default() };
        let elsewhere = "the directory does not end where the end records begin";
        refused(&ends(Ends { offset: Some(1 << 31), ..lie.clone() }), elsewhere);
        refused(&ends(Ends { offset: Some(0), ..lie.clone() }), elsewhere);
        refused(&ends(Ends { size: Some(0), ..lie.clone() }), elsewhere);
        refused(&ends(Ends { size: Some(0xffff_fffe), ..lie.clone() }), elsewhere);
        refused(&ends(Ends { entries: Some(2), ..lie.clone() }), "the directory is longer than its entries");
        refused(&ends(Ends { entries: Some(4), ..lie.clone() }), "a record of the directory is cut off");
    }
    for absurd in [u64::MAX, 1 << 63, 1 << 40] {
        let lie = Ends { zip64: true, ..Ends::default() };
        refused(&ends(Ends { entries: Some(absurd), ..lie.clone() }), "entries of the archive");
        exercise(&ends(Ends { size: Some(absurd), ..lie.clone() })).unwrap_err();
        exercise(&ends(Ends { offset: Some(absurd), ..lie.clone() })).unwrap_err();
    }
    let mut locator = ends(Ends { zip64: true, ..Ends::default() });
    let at = locator.len() - 22 - 20;
    locator[at + 15] = 0xff;
    refused(&locator, "the zip64 end record at offset");
    locator[at + 15] = 0;
    locator[at + 8] ^= 1;
    refused(&locator, "there is no zip64 end record where its locator says");
    refused(b"PK\x03\x04", "the archive is cut off");
}

#[test]
fn files_of_another_kind() {
    refused(b"", "neither a zip archive nor a legacy PyTorch stream: the file begins with []");
    refused(b"\x89HDF", "begins with [89, 48, 44, 46]");
    refused(b"PK\x05\x06", "begins with [50, 4b, 05, 06]");
}
