//! A model update of normally distributed float32 in a safetensors file.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Result;

/// A file's header, as it is, and the elements of its tensors in their order.
pub struct Update {
    pub header: Vec<u8>,
    pub tensors: Vec<Vec<u8>>,
}

impl Update {
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let header = header(&mut file)?;
        let parsed: Map<String, Value> = serde_json::from_slice(header.get(8..).unwrap_or_default())?;
        let end = |entry: &Value| entry.pointer("/data_offsets/1").and_then(Value::as_u64);
        let mut ends: Vec<u64> = parsed.values().filter_map(end).collect();
        ends.sort_unstable();
        let mut start = 0;
        let tensors = ends.into_iter().map(|end| {
            let mut tensor = vec![0; usize::try_from(end - start)?];
            file.read_exact(&mut tensor)?;
            start = end;
            Ok(tensor)
        });
        let tensors = tensors.collect::<Result<_>>()?;
        Ok(Self { header, tensors })
    }
}

/// Writes an update; its tensors differ by one element at most.
pub fn make(path: &Path, elements: u64, tensors: u64) -> Result<()> {
    let mut header = Map::new();
    let mut start = 0;
    for tensor in 0..tensors {
        let length = elements / tensors + u64::from(tensor < elements % tensors);
        let end = start + 4 * length;
        let entry = json!({"dtype": "F32", "shape": [length], "data_offsets": [start, end]});
        header.insert(format!("layer{tensor}.weight"), entry);
        start = end;
    }
    let header = serde_json::to_vec(&header)?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    let mut normal = Normal { state: 42, spare: None };
    for _ in 0..elements {
        file.write_all(&normal.next().to_le_bytes())?;
    }
    // What is measured next is not to wait for it.
    Ok(file.into_inner()?.sync_all()?)
}

/// The sha256 of all elements in a file, whatever its header.
pub fn digest_of_file(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    header(&mut file)?;
    let mut digest = Sha256::new();
    let mut window = vec![0; 1 << 20];
    loop {
        match file.read(&mut window)? {
            0 => return Ok(hex(digest)),
            read => digest.update(window.get(..read).unwrap_or_default()),
        }
    }
}

/// The sha256 of all elements.
pub fn digest<'a>(tensors: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = Sha256::new();
    tensors.into_iter().for_each(|tensor| digest.update(tensor));
    hex(digest)
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header with its length before it.
fn header(file: &mut File) -> Result<Vec<u8>> {
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let mut header = length.to_vec();
    file.take(u64::from_le_bytes(length)).read_to_end(&mut header)?;
    Ok(header)
}

/// Normally distributed float32, from SplitMix64 and the polar method.
struct Normal {
    state: u64,
    spare: Option<f32>,
}

impl Normal {
    fn next(&mut self) -> f32 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (u, v) = (self.uniform(), self.uniform());
            let s = u * u + v * v;
            if s < 1.0 && s > 0.0 {
                let scale = (-2.0 * s.ln() / s).sqrt() * 0.01;
                self.spare = Some((v * scale) as f32);
                return (u * scale) as f32;
            }
        }
    }

    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}
