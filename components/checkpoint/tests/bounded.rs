//! Whatever the bytes: no panic, and no more memory than a few times the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::{Mutex, MutexGuard, PoisonError};

use common::*;
use peak_alloc::PeakAlloc;
use proptest::prelude::*;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The heap of the whole process is counted: whoever measures, or fills it, is alone.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most memory that the work held at one time.
fn peak(work: impl FnOnce()) -> usize {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    work();
    HEAP.peak_usage().saturating_sub(before)
}

/// What any small file may take: blocks and a window, and as many plain values as shared ones may expand to;
/// and for each byte of it a node with its place on the stack and in the memo, while their vectors grow.
const SMALL: usize = 8 << 20;

fn bounded(file: &[u8]) {
    let held = peak(|| drop(exercise(file)));
    assert!(held < SMALL + 100 * file.len(), "{held} bytes for a file of {}", file.len());
}

#[test]
fn sizes_that_lie_allocate_nothing() {
    let _turn = alone();
    let absurd = i64::MAX.to_le_bytes();
    let tensor = rebuild(persistent("ByteStorage", "0", i64::MAX), 0, &[i64::MAX], &[1]);
    bounded(&one(0, &[1 << 40], &[0], 1, &[7]));
    bounded(&one(0, &[1 << 40], &[1], 1 << 40, &[7]));
    bounded(&stream(pickle(dict(&[("w", tensor)])), &["0"], &absurd));
    bounded(&zipped(b"\x80\x02X\xff\xff\xff\x00.", &[]));
    bounded(&zipped(b"\x80\x02X\xff\xff\xff\xff.", &[]));
    bounded(&archive(
        &[part("a/data.pkl", b"N.")],
        &Ends { zip64: true, entries: Some(99_999), ..Ends::default() },
    ));
}

#[test]
fn shared_values_expand_up_to_the_bound() {
    let _turn = alone();
    // 2¹⁵ times the same value, and the tuples that hold it.
    let doubled = [&b"Nq\0"[..], &b"h\0\x86q\0".repeat(15)].concat();
    let value = dict(&[("model", b"}".to_vec()), ("meta_props", doubled)]);
    let file = zipped(&pickle(value), &[]);
    assert!(open(&file).unwrap().meta_props().is_some());
    bounded(&file);
}

/// The worst that a full-sized pickle can do.
#[test]
fn the_bounds_of_a_pickle_hold() {
    let _turn = alone();
    let full = 15 << 20;
    let wide = [b"\x80\x02".to_vec(), vec![b'N'; full]].concat();
    let deep = [b"\x80\x02N".to_vec(), vec![0x85; full]].concat();
    let marks = [b"\x80\x02".to_vec(), vec![b'('; full]].concat();
    let shared = [b"\x80\x02](Nq\0".to_vec(), b"h\0".repeat(full / 2)].concat();
    for pickle in [wide, deep, marks, shared] {
        let file = zipped(&pickle, &[]);
        let held = peak(|| refused(&file, "over the limit of"));
        assert!(held < 160 << 20, "{held}");
    }
    // One tensor's worth of arguments, called again and again.
    let mut body = b"\x80\x02".to_vec();
    body.extend(global("torch._utils", "_rebuild_tensor_v2"));
    body.extend(b"q\0");
    let ones = vec![1; 32];
    let args =
        [persistent("ByteStorage", "0", 1), int(0), ints(&ones), ints(&ones), vec![0x89], ORDERED.to_vec()];
    body.extend([tuple(&args), b"q\x01}(".to_vec()].concat());
    for index in 0..90_000 {
        body.extend([text(&format!("{index}")), b"h\0h\x01R".to_vec()].concat());
    }
    body.extend(b"u\x86\x86.");
    let held = peak(|| drop(exercise(&zipped(&body, &[("0", &[1])]))));
    assert!(held < 160 << 20, "{held}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000), zip in any::<bool>()) {
        let _turn = alone();
        bounded(&bytes);
        bounded(&[if zip { &b"PK\x03\x04"[..] } else { b"\x80\x02" }, &bytes].concat());
        bounded(&zipped(&[b"\x80\x02", bytes.as_slice()].concat(), &[("0", &[1, 2, 3])]));
    }

    /// Opcodes that are allowed, in an order that makes no sense.
    #[test]
    fn arbitrary_opcodes(choices in prop::collection::vec(0_usize..33, 0..400)) {
        let _turn = alone();
        const OPS: [&[u8]; 33] = [
            b"ctorch\nByteStorage\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nSize\n",
            b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_parameter\n", b"q\0", b"q\x01", b"h\0",
            b"h\x01", b"\x94", b"(", b"(", b")", b"]", b"}", b"t", b"\x85", b"\x86", b"\x87", b"X\x01\0\0\x000",
            b"\x8c\x07storage", b"K\x03", b"\x8a\x01\xff", b"N", b"\x88", b"s", b"u", b"a", b"e", b"Q", b"R",
            b"b", b"G\0\0\0\0\0\0\0\0",
        ];
        let body: Vec<u8> = choices.into_iter().flat_map(|at| OPS[at]).copied().collect();
        bounded(&zipped(&pickle(body.clone()), &[("0", &[1, 2, 3])]));
        let nested = dict(&[("model", b"}".to_vec()), ("train_conf", body)]);
        bounded(&zipped(&pickle(nested), &[("0", &[1, 2, 3])]));
    }

    #[test]
    fn mutated_files(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of((any::<prop::sample::Index>(), 0_usize..40)),
    ) {
        let names = fixtures();
        let mut file = fixture(&names[which.index(names.len())]);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Some((at, length)) = cut {
            let at = at.index(file.len());
            file.drain(at..(at + length).min(file.len()));
        }
        bounded(&file);
    }
}

/// Every byte of the small files, changed in the ways that hurt.
#[test]
fn every_byte_of_the_small_files_mutated() {
    let _turn = alone();
    for name in ["torch1/tied.pt", "torch1/half_bf16_legacy.pt", "torch1/evil.pt"] {
        let mut file = fixture(name);
        for at in 0..file.len() {
            let byte = file[at];
            for change in [0, 1, 0x7f, 0x80, 0xff, byte ^ 1, byte.wrapping_add(1), b'.', b'('] {
                file[at] = change;
                bounded(&file);
            }
            file[at] = byte;
        }
    }
}
