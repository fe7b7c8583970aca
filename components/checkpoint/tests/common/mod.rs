//! Files made by hand: pickles, archives and streams, and the recorded ones.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::convert::Infallible;
use std::path::PathBuf;

use checkpoint::{Checkpoint, Error, Invalid, Reader, Tensor};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// Where the recorded files lie, from the root of any crate beside this one: a folder for each torch.
const FIXTURES: &str = "../checkpoint/tests/fixtures";

pub fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(FIXTURES).join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of all files of `torch.save`.
pub fn fixtures() -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(FIXTURES);
    let folders = ["torch1", "torch2"].into_iter();
    let names = folders.flat_map(|folder| {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        entries.map(move |entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()))
    });
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".pt")).collect();
    names.sort();
    assert!(names.len() >= 18);
    names
}

/// What torch says of the tensors of a file: the bytes in row-major order are hashed.
pub fn check(file: &[u8], checkpoint: &Checkpoint, expected: &Json) {
    let expected = expected.as_object().unwrap();
    let mut names: Vec<&str> = checkpoint.tensors().iter().map(Tensor::name).collect();
    let mut wanted: Vec<&str> = expected.keys().map(String::as_str).collect();
    names.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    let numbers = |value: &Json| -> Vec<u64> {
        value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
    };
    for (name, entry) in expected {
        let tensor = checkpoint.tensor(name).unwrap();
        assert_eq!(tensor.dtype().name(), entry["dtype"], "{name}");
        assert_eq!(tensor.shape(), numbers(&entry["shape"]), "{name}");
        assert_eq!(tensor.strides(), numbers(&entry["stride"]), "{name}");
        assert_eq!(tensor.storage_offset(), entry["storage_offset"].as_u64().unwrap(), "{name}");
        for window in [1, 2, 3, 5, 7, 11, 13, 64, 1000] {
            let bytes = read_all(file, tensor, window).unwrap();
            let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, entry["sha256"], "{name} in windows of {window}");
            if let Some(place) = tensor.contiguous() {
                assert_eq!(file[place.start as usize..place.end as usize], bytes, "{name}");
            }
        }
    }
}

pub fn open(file: &[u8]) -> Result<Checkpoint, Invalid> {
    Reader::new(file).checkpoint().map_err(invalid)
}

pub fn invalid(error: Error<Infallible>) -> Invalid {
    match error {
        Error::Invalid(invalid) => invalid,
        Error::Source { cause, .. } => match cause {},
    }
}

/// What the error says; there must be one.
pub fn refusal(file: &[u8]) -> String {
    open(file).expect_err("accepted").to_string()
}

#[track_caller]
pub fn refused(file: &[u8], with: &str) {
    let error = refusal(file);
    assert!(error.contains(with), "{error:?} does not say {with:?}");
}

/// All elements, in windows of so many.
pub fn read_all(file: &[u8], tensor: &Tensor, window: usize) -> Result<Vec<u8>, Invalid> {
    let mut reader = Reader::new(file);
    let mut all = Vec::new();
    let mut start = 0;
    while start < tensor.elements() {
        let count = window.min((tensor.elements() - start) as usize);
        let before = all.len();
        reader.read_tensor(tensor, start, count, &mut all).map_err(invalid)?;
        assert_eq!(all.len() - before, count * tensor.dtype().size());
        start += count as u64;
    }
    Ok(all)
}

/// Opens a file and reads every tensor that is not enormous: whatever happens, it may not panic.
pub fn exercise(file: &[u8]) -> Result<(), Invalid> {
    let checkpoint = open(file)?;
    for tensor in checkpoint.tensors() {
        if tensor.bytes() < 1 << 16 {
            read_all(file, tensor, 61)?;
        }
    }
    Ok(())
}

// Pickles

pub fn text(value: &str) -> Vec<u8> {
    let mut out = vec![b'X'];
    out.extend((value.len() as u32).to_le_bytes());
    out.extend(value.as_bytes());
    out
}

pub fn int(value: i64) -> Vec<u8> {
    let mut out = vec![0x8a, 8];
    out.extend(value.to_le_bytes());
    out
}

pub fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = vec![b'('];
    out.extend(items.concat());
    out.push(b't');
    out
}

pub fn ints(values: &[i64]) -> Vec<u8> {
    tuple(&values.iter().copied().map(int).collect::<Vec<_>>())
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

pub fn persistent(class: &str, key: &str, numel: i64) -> Vec<u8> {
    let mut out = tuple(&[text("storage"), global("torch", class), text(key), text("cpu"), int(numel)]);
    out.push(b'Q');
    out
}

pub const ORDERED: &[u8] = b"ccollections\nOrderedDict\n)R";

pub fn rebuild(storage: Vec<u8>, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let mut out = global("torch._utils", "_rebuild_tensor_v2");
    out.extend(tuple(&[storage, int(offset), ints(shape), ints(strides), vec![0x89], ORDERED.to_vec()]));
    out.push(b'R');
    out
}

pub fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"}(".to_vec();
    for (key, value) in items {
        out.extend(text(key));
        out.extend(value);
    }
    out.push(b'u');
    out
}

pub fn pickle(body: Vec<u8>) -> Vec<u8> {
    [b"\x80\x02".to_vec(), body, b".".to_vec()].concat()
}

// Archives

#[derive(Clone)]
pub struct Part {
    pub name: String,
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    /// What the local header says, where it lies.
    pub local_name: Option<String>,
    pub local_size: Option<u32>,
    /// What the directory says, where it lies.
    pub size: Option<u64>,
    pub header: Option<u64>,
    /// Sizes and offset in a zip64 field.
    pub wide: bool,
}

pub fn part(name: &str, data: &[u8]) -> Part {
    Part {
        name: name.to_owned(),
        data: data.to_vec(),
        method: 0,
        flags: 0,
        local_name: None,
        local_size: None,
        size: None,
        header: None,
        wide: false,
    }
}

#[derive(Default, Clone)]
pub struct Ends {
    pub zip64: bool,
    pub entries: Option<u64>,
    pub size: Option<u64>,
    pub offset: Option<u64>,
    pub comment: Vec<u8>,
}

pub fn archive(parts: &[Part], ends: &Ends) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for part in parts {
        let header = part.header.unwrap_or(file.len() as u64);
        let size = part.size.unwrap_or(part.data.len() as u64);
        let descriptor = part.flags & 8 != 0;
        let local = part.local_size.unwrap_or(if descriptor { 0 } else { part.data.len() as u32 });
        let name = part.local_name.as_ref().unwrap_or(&part.name).as_bytes();
        file.extend(b"PK\x03\x04\x00\x00");
        file.extend(part.flags.to_le_bytes());
        file.extend(part.method.to_le_bytes());
        file.extend([0; 8]);
        file.extend(local.to_le_bytes());
        file.extend(local.to_le_bytes());
        file.extend((name.len() as u16).to_le_bytes());
        file.extend(7_u16.to_le_bytes());
        file.extend(name);
        file.extend(b"FB\x03\0ZZZ");
        file.extend(&part.data);
        if descriptor {
            file.extend(b"PK\x07\x08\0\0\0\0");
            file.extend((part.data.len() as u32).to_le_bytes());
            file.extend((part.data.len() as u32).to_le_bytes());
        }
        let mut extra = Vec::new();
        if part.wide {
            extra.extend(b"\x01\0\x18\0");
            extra.extend([size, size, header].map(u64::to_le_bytes).concat());
        }
        let field = |number: u64| if part.wide { u32::MAX } else { number as u32 };
        directory.extend(b"PK\x01\x02\0\0\0\0");
        directory.extend(part.flags.to_le_bytes());
        directory.extend(part.method.to_le_bytes());
        directory.extend([0; 8]);
        directory.extend(field(size).to_le_bytes());
        directory.extend(field(size).to_le_bytes());
        directory.extend((part.name.len() as u16).to_le_bytes());
        directory.extend((extra.len() as u16).to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(field(header).to_le_bytes());
        directory.extend(part.name.as_bytes());
        directory.extend(extra);
    }
    let offset = ends.offset.unwrap_or(file.len() as u64);
    let size = ends.size.unwrap_or(directory.len() as u64);
    let entries = ends.entries.unwrap_or(parts.len() as u64);
    file.extend(directory);
    if ends.zip64 {
        let at = file.len() as u64;
        file.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0");
        file.extend([0; 12]);
        file.extend([entries, entries, size, offset].map(u64::to_le_bytes).concat());
        file.extend(b"PK\x06\x07\0\0\0\0");
        file.extend(at.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
    }
    let half = if ends.zip64 { u16::MAX } else { entries as u16 };
    let word = |number: u64| if ends.zip64 { u32::MAX } else { number as u32 };
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([half, half].map(u16::to_le_bytes).concat());
    file.extend([word(size), word(offset)].map(u32::to_le_bytes).concat());
    file.extend((ends.comment.len() as u16).to_le_bytes());
    file.extend(&ends.comment);
    file
}

/// An archive as torch writes it, of this pickle and these storages.
pub fn zipped(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut parts = vec![part("a/data.pkl", pickle)];
    parts.extend(storages.iter().map(|(key, data)| part(&format!("a/data/{key}"), data)));
    parts.push(part("a/version", b"3\n"));
    archive(&parts, &Ends::default())
}

/// One tensor `w` over the storage `0` of bytes.
pub fn one(offset: i64, shape: &[i64], strides: &[i64], numel: i64, data: &[u8]) -> Vec<u8> {
    let tensor = rebuild(persistent("ByteStorage", "0", numel), offset, shape, strides);
    zipped(&pickle(dict(&[("w", tensor)])), &[("0", data)])
}

/// A legacy stream of this object.
pub fn stream(object: Vec<u8>, keys: &[&str], storages: &[u8]) -> Vec<u8> {
    let mut list = b"](".to_vec();
    list.extend(keys.iter().flat_map(|key| text(key)));
    list.push(b'e');
    let magic = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19".to_vec();
    [
        pickle(magic),
        pickle(int(1001)),
        pickle(dict(&[("little_endian", vec![0x88])])),
        object,
        pickle(list),
        storages.to_vec(),
    ]
    .concat()
}
