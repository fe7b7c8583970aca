//! What arrives in a dxo, held against what torch says of the files.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

#[path = "../../checkpoint/tests/common/mod.rs"]
mod common;

use std::convert::Infallible;

use checkpoint::{Reader, Tensor};
use checkpoint_dxo::transfer::{Bfloat16, Failure, Target, transfer};
use checkpoint_dxo::{description, json};
use common::*;
use flip_sdk::{Dtype, WINDOW};
use proptest::prelude::*;

/// A dxo's tensors in memory.
struct Memory<'a> {
    file: &'a [u8],
    arrived: Vec<(String, Arrived)>,
}

#[derive(Debug)]
struct Arrived {
    dtype: Dtype,
    shape: Vec<u64>,
    bytes: Vec<u8>,
    mapped: bool,
}

fn bytes_of(dtype: Dtype, shape: &[u64]) -> usize {
    shape.iter().product::<u64>() as usize * dtype.size()
}

impl Target for Memory<'_> {
    type Tensor = (Arrived, usize);
    type Error = Infallible;

    fn map(&mut self, offset: u64, dtype: Dtype, shape: &[u64]) -> Result<Self::Tensor, Infallible> {
        let (start, len) = (offset as usize, bytes_of(dtype, shape));
        let bytes = self.file[start..start + len].to_vec();
        Ok((Arrived { dtype, shape: shape.to_vec(), bytes, mapped: true }, len))
    }

    fn create(&mut self, dtype: Dtype, shape: &[u64]) -> Result<Self::Tensor, Infallible> {
        let bytes = vec![0xaa; bytes_of(dtype, shape)];
        Ok((Arrived { dtype, shape: shape.to_vec(), bytes, mapped: false }, 0))
    }

    /// In order, whole elements, and no more than a window at a time.
    fn write(
        &mut self,
        (arrived, written): &mut Self::Tensor,
        start: u64,
        bytes: &[u8],
    ) -> Result<(), Infallible> {
        let at = start as usize * arrived.dtype.size();
        assert_eq!(at, *written);
        assert!(
            !bytes.is_empty()
                && bytes.len() <= WINDOW as usize
                && bytes.len().is_multiple_of(arrived.dtype.size())
        );
        arrived.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        *written += bytes.len();
        Ok(())
    }

    fn insert(&mut self, name: &str, (arrived, written): Self::Tensor) -> Result<(), Infallible> {
        assert_eq!(written, arrived.bytes.len(), "{name} is written as a whole");
        self.arrived.push((name.to_owned(), arrived));
        Ok(())
    }
}

/// Brings over what can be.
fn bring(file: &[u8], bfloat16: Bfloat16) -> (Vec<Tensor>, Vec<(String, Arrived)>) {
    let mut reader = Reader::new(file);
    let checkpoint = reader.checkpoint().unwrap();
    let mut memory = Memory { file, arrived: Vec::new() };
    let mut tensors = checkpoint.tensors().to_vec();
    tensors.retain(|tensor| match transfer(&mut reader, tensor, bfloat16, &mut memory) {
        Ok(()) => true,
        Err(Failure::Dtype(dtype)) => {
            assert!(dtype.name().starts_with("complex"), "{dtype}");
            false
        }
        Err(failure) => panic!("{failure:?}"),
    });
    (tensors, memory.arrived)
}

/// The elements as a dxo has them, element by element.
fn expected(tensor: &Tensor, bfloat16: Bfloat16, bytes: &[u8]) -> Vec<u8> {
    match tensor.dtype() {
        checkpoint::Dtype::Bfloat16 if bfloat16 == Bfloat16::Widened => {
            let halves = bytes.chunks(2).map(|half| u32::from(u16::from_le_bytes([half[0], half[1]])) << 16);
            halves.flat_map(u32::to_le_bytes).collect()
        }
        checkpoint::Dtype::Bool => bytes.iter().map(|&byte| u8::from(byte != 0)).collect(),
        _ => bytes.to_vec(),
    }
}

#[track_caller]
fn all_arrive(file: &[u8]) {
    for bfloat16 in [Bfloat16::Widened, Bfloat16::Kept] {
        let (tensors, arrived) = bring(file, bfloat16);
        assert_eq!(tensors.len(), arrived.len());
        for (tensor, (name, arrived)) in tensors.iter().zip(&arrived) {
            assert_eq!((tensor.name(), tensor.shape()), (name.as_str(), arrived.shape.as_slice()));
            let whole = read_all(file, tensor, 1 << 20).unwrap();
            assert!(arrived.bytes == expected(tensor, bfloat16, &whole), "{name}");
        }
    }
}

/// The checkpoint crate's own tests hold the bytes that its reader gives against the recorded hashes; here
/// they are hashed once more, and compared with what arrives.
#[test]
fn every_recorded_file_arrives() {
    for name in fixtures() {
        let file = fixture(&name);
        let Ok(checkpoint) = open(&file) else { continue };
        let (folder, file_name) = name.split_once('/').unwrap();
        let manifest = fixture(&format!("{folder}/manifest.json"));
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        if folder == "torch2" {
            check(&file, &checkpoint, &manifest[file_name]);
        } else if file_name != "nvflare.pt" {
            check(&file, &checkpoint, &manifest[file_name.trim_end_matches(".pt")]["tensors"]);
        }
        all_arrive(&file);
    }
}

#[test]
fn only_what_must_be_copied_is() {
    for name in ["torch2/mixed.pt", "torch2/mixed_legacy.pt"] {
        let (_, arrived) = bring(&fixture(name), Bfloat16::Widened);
        let copied: Vec<&str> =
            arrived.iter().filter(|(_, arrived)| !arrived.mapped).map(|(name, _)| name.as_str()).collect();
        let brain = ["brain", "brain.transposed", "brain.special"];
        let strided = ["mask", "transposed", "stepped", "repeated", "channels_last"];
        assert_eq!(copied, [&brain[..], &strided].concat());
        let dtype = |wanted| arrived.iter().find(|(name, _)| name == wanted).unwrap().1.dtype;
        assert_eq!(
            (dtype("brain"), dtype("half"), dtype("steps")),
            (Dtype::Float32, Dtype::Float16, Dtype::Int64)
        );
    }
}

#[test]
fn a_bool_that_is_neither_is_true() {
    let tensor = rebuild(persistent("BoolStorage", "0", 4), 0, &[4], &[1]);
    let file = zipped(&pickle(dict(&[("mask", tensor)])), &[("0", &[0, 1, 2, 255])]);
    assert_eq!(bring(&file, Bfloat16::Widened).1[0].1.bytes, [0, 1, 1, 1]);
}

/// Several windows of each kind: the last of them is not full.
#[test]
fn large_tensors_arrive_in_windows() {
    let (rows, columns) = (1500, 1001);
    let numel = rows * columns;
    let data: Vec<u8> =
        (0..numel as u32 * 2).flat_map(|at| (at.wrapping_mul(0x9e37_79b9) >> 16).to_le_bytes()).collect();
    for (class, size) in [("BFloat16Storage", 2), ("FloatStorage", 4), ("LongStorage", 8), ("BoolStorage", 1)]
    {
        let whole = rebuild(persistent(class, "0", numel), 0, &[rows, columns], &[columns, 1]);
        let turned = rebuild(persistent(class, "0", numel), 0, &[columns, rows], &[1, columns]);
        let file = pickle(dict(&[("whole", whole), ("turned", turned)]));
        all_arrive(&zipped(&file, &[("0", &data[..numel as usize * size])]));
    }
}

#[test]
fn a_complex_tensor_is_named_and_does_not_hide_the_others() {
    let file = fixture("torch1/half_bf16.pt");
    assert_eq!(bring(&file, Bfloat16::Widened).1.len(), 9);
    let described = description(&open(&file).unwrap());
    assert_eq!(described.len(), 1);
    let text = json(&described[0].1).unwrap();
    assert_eq!(
        (described[0].0, text.as_str()),
        ("unsupported", r#"[{"name": "c64", "dtype": "complex64", "shape": [3]}]"#)
    );
}

#[test]
fn a_nested_file_is_described() {
    let described = description(&open(&fixture("torch2/nested.pt")).unwrap());
    let described: Vec<(&str, String)> =
        described.iter().map(|(key, value)| (*key, json(value).unwrap())).collect();
    let meta = r#"{"NUM_STEPS_CURRENT_ROUND": 12, "loss": NaN, "note": "a \"quote\", é"}"#;
    let train = r#"{"train": {"model": "SimpleNetwork", "lr": 0.1, "layers": [3, 2]}}"#;
    let expected = [("meta_props", meta), ("train_conf", train), ("other", r#"["optimizer"]"#)];
    assert_eq!(described, expected.map(|(key, text)| (key, text.to_owned())));
    assert_eq!(description(&open(&fixture("torch2/mixed.pt")).unwrap()), []);
}

proptest! {
    /// Any strides over any storage.
    #[test]
    fn any_view_arrives(
        dims in prop::collection::vec((0_i64..7, 0_i64..9), 0..4),
        offset in 0_i64..5,
        class in 0_usize..4,
    ) {
        let (class, size) = [("BoolStorage", 1), ("BFloat16Storage", 2), ("FloatStorage", 4), ("DoubleStorage", 8)][class];
        let (shape, strides): (Vec<i64>, Vec<i64>) = dims.into_iter().unzip();
        let reach: i64 = shape.iter().zip(&strides).map(|(size, stride)| (size - 1).max(0) * stride).sum();
        let numel = offset + reach + 1;
        let data: Vec<u8> = (0..numel as usize * size).map(|at| (at * 37 % 251) as u8).collect();
        let tensor = rebuild(persistent(class, "0", numel), offset, &shape, &strides);
        all_arrive(&zipped(&pickle(dict(&[("w", tensor)])), &[("0", &data)]));
    }
}
