//! What can be ordered.

use std::fmt::Debug;
use std::ops::BitAnd;

use bytemuck::Pod;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::survey::{Plain, Survey};

/// An unsigned integer that stands for a value in its order.
///
/// The bit patterns of non-negative IEEE 754 numbers are such keys: they are ordered as the numbers are,
/// with every NaN above infinity. Implemented for `u16`, `u32` and `u64`, and closed to others.
pub trait Key:
    sealed::Sealed + Copy + Ord + Debug + Pod + Serialize + DeserializeOwned + BitAnd<Output = Self>
{
    /// The smallest key, zero.
    const MIN: Self;
    /// The largest key, all bits set.
    const MAX: Self;

    /// How blocks of such keys are surveyed, where none has its first bit set.
    #[doc(hidden)]
    #[expect(private_bounds, reason = "closed to others")]
    type Survey: Survey<Self>;

    /// The signed integer of the same width.
    type Signed: Copy + Ord + Debug;

    /// The key moved down by half the range, which keeps the order: WebAssembly's vectors compare 64-bit
    /// integers with their sign only, as do those of x86.
    fn signed(self) -> Self::Signed;

    /// The key that was moved down.
    fn from_signed(signed: Self::Signed) -> Self;

    /// The key as a number.
    fn to_u64(self) -> u64;

    /// The key of a number, which must not exceed [`Key::MAX`]: higher bits are dropped.
    fn from_u64(number: u64) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! keys {
    ($($int:ty, $signed:ty, $survey:ty;)*) => {$(
        impl sealed::Sealed for $int {}

        impl Key for $int {
            const MIN: Self = <$int>::MIN;
            const MAX: Self = <$int>::MAX;

            type Survey = $survey;
            type Signed = $signed;

            #[inline(always)]
            fn signed(self) -> $signed {
                (self ^ (1 << (<$int>::BITS - 1))) as $signed
            }

            #[inline(always)]
            fn from_signed(signed: $signed) -> Self {
                signed as $int ^ (1 << (<$int>::BITS - 1))
            }

            fn to_u64(self) -> u64 {
                u64::from(self)
            }

            fn from_u64(number: u64) -> Self {
                number as $int
            }
        }
    )*};
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
type Surveyor32 = Plain<u32>;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
type Surveyor32 = crate::survey::Vectors;

keys! {
    u16, i16, Plain<u16>;
    u32, i32, Surveyor32;
    u64, i64, Plain<u64>;
}
