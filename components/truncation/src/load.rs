//! From the bytes of a window to numbers.

use half::f16;

use crate::Dtype;
use crate::real::Real;

/// A stored element: `N` little-endian bytes that are computed as an `Out`.
pub(crate) trait Element<const N: usize>: Copy {
    type Out: Real;
    fn load(bytes: [u8; N]) -> Self::Out;
}

macro_rules! elements {
    ($($name:ident, $size:literal => $out:ty, $load:expr;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl Element<$size> for $name {
            type Out = $out;

            #[inline(always)]
            fn load(bytes: [u8; $size]) -> $out {
                let load: fn([u8; $size]) -> $out = $load;
                load(bytes)
            }
        }
    )*};
}

elements! {
    Bool, 1 => f64, |[byte]| f64::from(byte != 0);
    Int8, 1 => f64, |bytes| f64::from(i8::from_le_bytes(bytes));
    Uint8, 1 => f64, |bytes| f64::from(u8::from_le_bytes(bytes));
    Int16, 2 => f64, |bytes| f64::from(i16::from_le_bytes(bytes));
    Uint16, 2 => f64, |bytes| f64::from(u16::from_le_bytes(bytes));
    Int32, 4 => f64, |bytes| f64::from(i32::from_le_bytes(bytes));
    Uint32, 4 => f64, |bytes| f64::from(u32::from_le_bytes(bytes));
    Int64, 8 => f64, |bytes| i64::from_le_bytes(bytes) as f64;
    Uint64, 8 => f64, |bytes| u64::from_le_bytes(bytes) as f64;
    Float16, 2 => f16, f16::from_le_bytes;
    Bfloat16, 2 => f32, |bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16);
    Float32, 4 => f32, f32::from_le_bytes;
    Float64, 8 => f64, f64::from_le_bytes;
}

/// What is to be done with the elements of a tensor, whatever their type: a closure that is generic.
pub(crate) trait ForElement {
    type Result;
    fn run<const N: usize, E: Element<N>>(self, element: E) -> Self::Result;
}

/// Calls `work` with the element type of `dtype`.
pub(crate) fn with_element<W: ForElement>(dtype: Dtype, work: W) -> W::Result {
    match dtype {
        Dtype::Bool => work.run(Bool),
        Dtype::Int8 => work.run(Int8),
        Dtype::Uint8 => work.run(Uint8),
        Dtype::Int16 => work.run(Int16),
        Dtype::Uint16 => work.run(Uint16),
        Dtype::Int32 => work.run(Int32),
        Dtype::Uint32 => work.run(Uint32),
        Dtype::Int64 => work.run(Int64),
        Dtype::Uint64 => work.run(Uint64),
        Dtype::Float16 => work.run(Float16),
        Dtype::Bfloat16 => work.run(Bfloat16),
        Dtype::Float32 => work.run(Float32),
        Dtype::Float64 => work.run(Float64),
    }
}
