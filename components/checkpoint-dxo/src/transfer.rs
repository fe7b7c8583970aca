//! From a checkpoint's tensors to a dxo's: mapped where the file's bytes can be used as they are, else copied.

use checkpoint::{Reader, Source, Tensor};
use flip_sdk::{Dtype, WINDOW};

/// Bytes of a tensor with strides that are gathered at a time: each pass over the storage costs as many reads
/// as the storage has rows, so a window holds many of the tensor's rows.
const GATHERED: usize = 32 << 20;

/// Where the tensors go.
pub trait Target {
    /// A tensor in the making.
    type Tensor;
    /// Why it failed.
    type Error;

    /// A tensor over the file's bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// The target's own.
    fn map(&mut self, offset: u64, dtype: Dtype, shape: &[u64]) -> Result<Self::Tensor, Self::Error>;

    /// A tensor that is written to.
    ///
    /// # Errors
    ///
    /// The target's own.
    fn create(&mut self, dtype: Dtype, shape: &[u64]) -> Result<Self::Tensor, Self::Error>;

    /// Writes whole elements, from element `start` on.
    ///
    /// # Errors
    ///
    /// The target's own.
    fn write(&mut self, tensor: &mut Self::Tensor, start: u64, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Takes the tensor in under its name.
    ///
    /// # Errors
    ///
    /// The target's own.
    fn insert(&mut self, name: &str, tensor: Self::Tensor) -> Result<(), Self::Error>;
}

/// Why a tensor did not arrive.
#[derive(Debug)]
pub enum Failure<R, W> {
    /// The file could not be read.
    Read(checkpoint::Error<R>),
    /// The target failed.
    Write(W),
    /// No dxo has tensors of this dtype.
    Dtype(checkpoint::Dtype),
}

/// What becomes of bfloat16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bfloat16 {
    /// It stays: what reads the tensors knows it.
    Kept,
    /// float32, since NumPy has no bfloat16.
    Widened,
}

/// The dtype that a checkpoint's tensors have in a dxo; none where a dxo has no such tensors.
pub fn dtype(dtype: checkpoint::Dtype, bfloat16: Bfloat16) -> Option<Dtype> {
    use checkpoint::Dtype as D;
    Some(match dtype {
        D::Bool => Dtype::Bool,
        D::Int8 => Dtype::Int8,
        D::Uint8 => Dtype::Uint8,
        D::Int16 => Dtype::Int16,
        D::Int32 => Dtype::Int32,
        D::Int64 => Dtype::Int64,
        D::Float16 => Dtype::Float16,
        D::Bfloat16 if bfloat16 == Bfloat16::Kept => Dtype::Bfloat16,
        D::Bfloat16 | D::Float32 => Dtype::Float32,
        D::Float64 => Dtype::Float64,
        D::Complex64 | D::Complex128 => return None,
    })
}

/// Brings one tensor over.
///
/// # Errors
///
/// Of the file or the target. Where a copy fails, the target has nothing under this name.
pub fn transfer<S: Source, T: Target>(
    reader: &mut Reader<S>,
    tensor: &Tensor,
    bfloat16: Bfloat16,
    target: &mut T,
) -> Result<(), Failure<S::Error, T::Error>> {
    let to = dtype(tensor.dtype(), bfloat16).ok_or(Failure::Dtype(tensor.dtype()))?;
    let moved = match (tensor.contiguous(), change(tensor.dtype(), to)) {
        (Some(place), Change::None) => target.map(place.start, to, tensor.shape()).map_err(Failure::Write)?,
        _ => copy(reader, tensor, to, target)?,
    };
    target.insert(tensor.name(), moved).map_err(Failure::Write)
}

fn copy<S: Source, T: Target>(
    reader: &mut Reader<S>,
    tensor: &Tensor,
    to: Dtype,
    target: &mut T,
) -> Result<T::Tensor, Failure<S::Error, T::Error>> {
    let (change, size) = (change(tensor.dtype(), to), tensor.dtype().size());
    // Elements written at a time, and read at a time: at least one.
    let written = WINDOW as usize / to.size();
    let read = if tensor.contiguous().is_some() { written } else { GATHERED / size };
    let mut copied = target.create(to, tensor.shape()).map_err(Failure::Write)?;
    let (mut window, mut changed) = (Vec::new(), Vec::new());
    let mut start = 0;
    while start < tensor.elements() {
        let left = usize::try_from(tensor.elements() - start).unwrap_or(usize::MAX);
        window.clear();
        reader.read_tensor(tensor, start, read.min(left), &mut window).map_err(Failure::Read)?;
        for piece in window.chunks_mut(written * size) {
            let bytes = change.of(piece, &mut changed);
            target.write(&mut copied, start, bytes).map_err(Failure::Write)?;
            start += (piece.len() / size) as u64;
        }
    }
    Ok(copied)
}

/// What is done to elements on their way.
#[derive(Clone, Copy)]
enum Change {
    None,
    /// bfloat16 is the upper half of float32.
    Widen,
    /// A file's bools may be any byte; a tensor's are 0 or 1.
    Normalise,
}

fn change(from: checkpoint::Dtype, to: Dtype) -> Change {
    match (from, to) {
        (checkpoint::Dtype::Bfloat16, Dtype::Float32) => Change::Widen,
        (checkpoint::Dtype::Bool, _) => Change::Normalise,
        _ => Change::None,
    }
}

impl Change {
    fn of<'a>(self, piece: &'a mut [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
        match self {
            Self::None => piece,
            Self::Widen => {
                room.clear();
                let (halves, _) = piece.as_chunks::<2>();
                room.extend(halves.iter().flat_map(|&[low, high]| [0, 0, low, high]));
                room
            }
            Self::Normalise => {
                piece.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
                piece
            }
        }
    }
}
