//! Which elements are looked at, and what they are.

use half::{bf16, f16};

use crate::tensor::{Dtype, Tensor, TensorError};

/// Neighbours that are read at a time.
const RUN: u64 = 32;
/// One element in so many is looked at, where that makes enough and not too many.
const ONE_IN: u64 = 256;
const FEWEST: u64 = 1 << 12;
const MOST: u64 = 1 << 15;

/// Of how many runs one is read, of so many elements.
pub(super) fn runs(elements: u64) -> u64 {
    (elements / (elements / ONE_IN).clamp(FEWEST, MOST)).max(1)
}

/// Adds one run of elements in so many to the numbers: the first run of each tensor, at least. Gives how many
/// elements it added.
pub(super) fn read(tensor: &Tensor, runs: u64, numbers: &mut Vec<f64>) -> Result<usize, TensorError> {
    let (before, size) = (numbers.len(), tensor.dtype().size() as u64);
    // A tensor that is read whole is read at once.
    let run = if runs == 1 { tensor.len().max(1) } else { RUN };
    let step = run.saturating_mul(runs);
    let mut start = 0;
    while start < tensor.len() {
        let bytes = tensor.read(start * size, (run * size) as usize)?;
        add(tensor.dtype(), &bytes, numbers);
        start = start.saturating_add(step);
    }
    Ok(numbers.len() - before)
}

/// Adds elements; integers beyond 2^53 lose digits, which no bin shows.
fn add(dtype: Dtype, bytes: &[u8], numbers: &mut Vec<f64>) {
    fn each<const N: usize>(bytes: &[u8], numbers: &mut Vec<f64>, number: impl Fn([u8; N]) -> f64) {
        numbers.extend(bytes.as_chunks().0.iter().map(|element| number(*element)));
    }
    match dtype {
        Dtype::Bool | Dtype::Uint8 => each(bytes, numbers, |b| u8::from_le_bytes(b).into()),
        Dtype::Int8 => each(bytes, numbers, |b| i8::from_le_bytes(b).into()),
        Dtype::Int16 => each(bytes, numbers, |b| i16::from_le_bytes(b).into()),
        Dtype::Uint16 => each(bytes, numbers, |b| u16::from_le_bytes(b).into()),
        Dtype::Int32 => each(bytes, numbers, |b| i32::from_le_bytes(b).into()),
        Dtype::Uint32 => each(bytes, numbers, |b| u32::from_le_bytes(b).into()),
        Dtype::Int64 => each(bytes, numbers, |b| i64::from_le_bytes(b) as f64),
        Dtype::Uint64 => each(bytes, numbers, |b| u64::from_le_bytes(b) as f64),
        Dtype::Float16 => each(bytes, numbers, |b| f16::from_le_bytes(b).into()),
        Dtype::Bfloat16 => each(bytes, numbers, |b| bf16::from_le_bytes(b).into()),
        Dtype::Float32 => each(bytes, numbers, |b| f32::from_le_bytes(b).into()),
        Dtype::Float64 => each(bytes, numbers, f64::from_le_bytes),
    }
}
