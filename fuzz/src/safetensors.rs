//! Dxo files.

use flip_runtime::safetensors::{DxoFile, Output, Overrides, open};
use flip_runtime::{Error, Tensor};

use crate::files::{in_folder, put};
use crate::message::assert_one_line;

/// Opens a dxo file, reads its tensors, and writes it again.
pub fn safetensors(data: &[u8]) {
    in_folder(|folder| {
        let path = folder.join("in.safetensors");
        put(&path, Some(data));
        let file = match open(&path, Overrides::default()) {
            Ok(file) => file,
            Err(error) => return assert_one_line(error),
        };
        let tensors = file.dxo.tensors().expect("a dxo of tensors");
        let (length, rest) = data.split_first_chunk().expect("the length of the header");
        let body = &rest[u64::from_le_bytes(*length) as usize..];
        let bytes: u64 = tensors.values().map(Tensor::byte_len).sum();
        assert_eq!(bytes, body.len() as u64, "tensors fill the file");

        let written = folder.join("out.safetensors");
        let output = Output::create(&written, &file.dxo, &file.metadata).unwrap();
        match output.commit(file.dxo.clone(), &file.metadata) {
            Ok(()) => same(&file, &open(&written, Overrides::default()).expect("what was written reads")),
            // The header may be longer than a header can be.
            Err(error @ Error::InvalidData(_)) => assert_one_line(error),
            Err(error) => panic!("{error}"),
        }
    });
}

fn same(one: &DxoFile, other: &DxoFile) {
    assert_eq!(one.dxo.kind(), other.dxo.kind());
    assert!(one.dxo.meta.iter().eq(other.dxo.meta.iter()), "{:?} {:?}", one.dxo.meta, other.dxo.meta);
    assert!(one.metadata.iter().eq(other.metadata.iter()), "{:?} {:?}", one.metadata, other.metadata);
    let (tensors, others) = (one.dxo.tensors().unwrap(), other.dxo.tensors().unwrap());
    assert_eq!(tensors.len(), others.len());
    for ((name, tensor), (other_name, other)) in tensors.iter().zip(others) {
        assert_eq!(name, other_name);
        assert_eq!((tensor.dtype(), tensor.shape()), (other.dtype(), other.shape()), "{name:?}");
        assert_eq!(tensor.to_bytes().unwrap(), other.to_bytes().unwrap(), "{name:?}");
    }
}
