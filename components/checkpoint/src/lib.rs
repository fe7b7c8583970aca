//! Reads PyTorch checkpoints that nobody vouches for.
//!
//! `torch.save` writes a pickle, and a pickle is a program. This crate interprets only the opcodes and names
//! that weights need, as data: nothing is ever called, and anything else is an error that names it. Files are
//! read by ranges through [`Source`], never whole; every number of the file is checked before it is believed;
//! memory, depth and work are bounded by [`limits`].
//!
//! Both formats are read: the zip archive of torch 1.6 and later, and the legacy stream of before. A file holds
//! either names → tensors, or NVFLARE's `{"model": …, "meta_props": …, "train_conf": …}`.
//!
//! # Example
//! ```
//! use checkpoint::{Dtype, Error, Reader};
//!
//! // torch.save({"w": torch.tensor([1, 2, 3], dtype=torch.uint8)}, …, _use_new_zipfile_serialization=False)
//! let mut file = Vec::new();
//! file.extend(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."); // the magic number
//! file.extend(b"\x80\x02M\xe9\x03."); // version 1001
//! file.extend(b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
//! file.extend(b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(");
//! file.extend(b"(X\x07\0\0\0storagectorch\nByteStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x03tQ");
//! file.extend(b"K\0K\x03\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs.");
//! file.extend(b"\x80\x02]X\x01\0\0\x000a."); // the keys of its storages
//! file.extend(b"\x03\0\0\0\0\0\0\0\x01\x02\x03"); // one storage: a count, and the elements
//!
//! let mut reader = Reader::new(file.as_slice());
//! let checkpoint = reader.checkpoint()?;
//! let tensor = checkpoint.tensor("w").ok_or("no such tensor")?;
//! assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::Uint8, [3].as_slice()));
//!
//! let mut window = Vec::new();
//! reader.read_tensor(tensor, 1, 2, &mut window)?;
//! assert_eq!(window, [2, 3]);
//!
//! // A pickle that would run a program is refused, and says which.
//! let evil = b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.";
//! let error = Reader::new(evil.as_slice()).checkpoint().unwrap_err();
//! assert_eq!(error.to_string(), "pickle global 'posix.system' at offset 2 is not allowed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod boxes;
mod bytes;
mod checkpoint;
mod dtype;
mod error;
mod legacy;
pub mod limits;
mod pickle;
mod reader;
mod source;
mod state;
mod tensor;
mod value;
mod zip;

pub use checkpoint::Checkpoint;
pub use dtype::Dtype;
pub use error::{Error, Invalid};
pub use reader::Reader;
pub use source::Source;
pub use tensor::Tensor;
pub use value::Value;
