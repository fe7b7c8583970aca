//! One pass over a tensor that divides, zeroes, clips and multiplies.

use std::marker::PhantomData;

use half::f16;

use crate::kernel::{Kernel, WithFunction};
use crate::load::{self, Element};
use crate::real::{Real, Stored};
use crate::{Dtype, Settings, Tensor};

/// From how many elements on a table of all results is quicker than computing each.
const TABLE_PAYS: u64 = 1 << 16;
/// Elements that are done side by side.
const BLOCK: usize = 16;
/// Blocks in the body of a loop. A sandbox looks at its clock on each turn, and puts its registers aside for that: with one
/// block a turn took a sixth more time, with eight no less.
const TURN: usize = 4;

/// Truncates every tensor at a cutoff that is known; returns how many elements are zero then.
pub(crate) fn apply<X: Tensor>(tensors: &mut [X], settings: &Settings, cutoff: f64) -> Result<u64, X::Error> {
    let mut table = None;
    let mut zeros = 0;
    for tensor in tensors {
        zeros += match tensor.dtype() {
            Dtype::Float16 if tensor.len() >= TABLE_PAYS && !tensor.is_scalar() => {
                let kernel = kernel(tensor, settings, cutoff);
                look_up(tensor, table.get_or_insert_with(|| kernel.with(Table)))?
            }
            Dtype::Float16 => in_place::<2, f16, X>(tensor, settings, cutoff)?,
            Dtype::Float32 => in_place::<4, f32, X>(tensor, settings, cutoff)?,
            Dtype::Float64 => in_place::<8, f64, X>(tensor, settings, cutoff)?,
            Dtype::Bfloat16 => convert::<2, 4, load::Bfloat16, X>(tensor, settings, cutoff)?,
            Dtype::Bool => convert::<1, 8, load::Bool, X>(tensor, settings, cutoff)?,
            Dtype::Int8 => convert::<1, 8, load::Int8, X>(tensor, settings, cutoff)?,
            Dtype::Uint8 => convert::<1, 8, load::Uint8, X>(tensor, settings, cutoff)?,
            Dtype::Int16 => convert::<2, 8, load::Int16, X>(tensor, settings, cutoff)?,
            Dtype::Uint16 => convert::<2, 8, load::Uint16, X>(tensor, settings, cutoff)?,
            Dtype::Int32 => convert::<4, 8, load::Int32, X>(tensor, settings, cutoff)?,
            Dtype::Uint32 => convert::<4, 8, load::Uint32, X>(tensor, settings, cutoff)?,
            Dtype::Int64 => convert::<8, 8, load::Int64, X>(tensor, settings, cutoff)?,
            Dtype::Uint64 => convert::<8, 8, load::Uint64, X>(tensor, settings, cutoff)?,
        };
    }
    Ok(zeros)
}

fn kernel<R: Real, X: Tensor>(tensor: &X, settings: &Settings, cutoff: f64) -> Kernel<R> {
    if tensor.is_scalar() {
        Kernel::scalar(settings.steps)
    } else {
        Kernel::new(settings.steps, cutoff, settings.gamma)
    }
}

fn in_place<const N: usize, R: Stored<N>, X: Tensor>(
    tensor: &mut X,
    settings: &Settings,
    cutoff: f64,
) -> Result<u64, X::Error> {
    kernel::<R, X>(tensor, settings, cutoff).with(InPlace::<N, X>(tensor))
}

struct InPlace<'a, const N: usize, X>(&'a mut X);

impl<const N: usize, R: Stored<N>, X: Tensor> WithFunction<R> for InPlace<'_, N, X> {
    type Result = Result<u64, X::Error>;

    fn run(self, f: impl Fn(R) -> R + Copy) -> Self::Result {
        let mut zeros = 0;
        self.0.map(&mut |bytes| {
            let (blocks, rest) = bytes.as_chunks_mut().0.as_chunks_mut::<BLOCK>();
            let mut counts = [0_u32; BLOCK];
            let apply = |element: &mut [u8; N], count: &mut u32| {
                let result = f(R::load(*element));
                *count += u32::from(result.key() == R::ZERO.key());
                *element = result.store();
            };
            let mut each = |block: &mut [[u8; N]; BLOCK]| {
                block.iter_mut().zip(&mut counts).for_each(|(element, count)| apply(element, count));
            };
            let (turns, blocks) = blocks.as_chunks_mut::<TURN>();
            turns.iter_mut().for_each(|turn| turn.iter_mut().for_each(&mut each));
            blocks.iter_mut().for_each(each);
            rest.iter_mut().zip(&mut counts).for_each(|(element, count)| apply(element, count));
            zeros += counts.into_iter().map(u64::from).sum::<u64>();
        })?;
        Ok(zeros)
    }
}

fn convert<const N: usize, const M: usize, E, X: Tensor>(
    tensor: &mut X,
    settings: &Settings,
    cutoff: f64,
) -> Result<u64, X::Error>
where
    E: Element<N>,
    E::Out: Stored<M>,
{
    let to = tensor.dtype().output();
    kernel::<E::Out, X>(tensor, settings, cutoff).with(Convert::<N, M, E, X> {
        tensor,
        to,
        element: PhantomData,
    })
}

struct Convert<'a, const N: usize, const M: usize, E, X> {
    tensor: &'a mut X,
    to: Dtype,
    element: PhantomData<E>,
}

impl<const N: usize, const M: usize, E, X> WithFunction<E::Out> for Convert<'_, N, M, E, X>
where
    E: Element<N>,
    E::Out: Stored<M>,
    X: Tensor,
{
    type Result = Result<u64, X::Error>;

    fn run(self, f: impl Fn(E::Out) -> E::Out + Copy) -> Self::Result {
        let mut zeros = 0;
        self.tensor.convert(self.to, &mut |bytes, converted| {
            let elements = bytes.as_chunks().0;
            converted.resize(elements.len() * M, 0);
            for (to, &from) in converted.as_chunks_mut().0.iter_mut().zip(elements) {
                let result = f(E::load(from));
                zeros += u64::from(result.key() == E::Out::ZERO.key());
                *to = result.store();
            }
        })?;
        Ok(zeros)
    }
}

/// Builds the table of all float16 results.
struct Table;

impl WithFunction<f16> for Table {
    type Result = Vec<f16>;

    fn run(self, f: impl Fn(f16) -> f16 + Copy) -> Vec<f16> {
        (0..=u16::MAX).map(|bits| f(f16::from_bits(bits))).collect()
    }
}

fn look_up<X: Tensor>(tensor: &mut X, table: &[f16]) -> Result<u64, X::Error> {
    let mut zeros = 0;
    tensor.map(&mut |bytes| {
        for element in bytes.as_chunks_mut().0 {
            if let Some(result) = table.get(usize::from(u16::from_le_bytes(*element))) {
                zeros += u64::from(result.key() == 0);
                *element = result.to_le_bytes();
            }
        }
    })?;
    Ok(zeros)
}
