//! Safetensors files, well formed or not.

use std::path::Path;

/// A safetensors file of this header, as it is, and this data.
pub fn safetensors_bytes(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// Writes [`safetensors_bytes`] to `path`.
pub fn write_safetensors(path: &Path, header: &str, data: &[u8]) {
    std::fs::write(path, safetensors_bytes(header, data)).unwrap();
}
