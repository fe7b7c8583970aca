//! The three types in which NumPy computes here, and their arithmetic.

use std::ops::{Add, Div, Mul, Neg, Sub};

use half::f16;
use order_statistics::Key;

/// float16, float32 or float64: IEEE 754 numbers with an unsigned key of the same bits.
///
/// Each operation rounds to the type. `half` computes float16 in f32 and rounds back after every operation,
/// as NumPy does.
pub(crate) trait Real:
    Copy
    + std::fmt::Debug
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    type Key: Key;
    const ZERO: Self;
    const ONE: Self;
    const INFINITY: Self;

    /// The nearest number, ties to even: how NumPy 2 takes a Python number (NEP 50).
    fn round(number: f64) -> Self;
    fn to_f64(self) -> f64;
    fn from_key(key: Self::Key) -> Self;
    /// All bits, the sign first.
    fn bits(self) -> Self::Key;
    /// The bits without the sign: ordered as the magnitudes are, NaN last.
    fn key(self) -> Self::Key;
    /// Whether it is a positive power of two of which the reciprocal is one too, neither of them subnormal.
    fn inverts_exactly(self) -> bool;

    /// The smallest number that is no smaller than `number`, which is not negative. NaN stays NaN.
    ///
    /// x < `number` holds for the numbers x of this type for which x < `round_up(number)` does, and no others.
    fn round_up(number: f64) -> Self {
        let nearest = Self::round(number);
        if nearest.to_f64() < number {
            Self::from_key(Self::Key::from_u64(nearest.key().to_u64() + 1))
        } else {
            nearest
        }
    }
}

/// A number that is stored as `N` little-endian bytes.
pub(crate) trait Stored<const N: usize>: Real {
    fn load(bytes: [u8; N]) -> Self;
    fn store(self) -> [u8; N];
}

macro_rules! real {
    ($real:ty, $bits:ty, $mantissa:expr, $infinity:expr, $round:expr, $to_f64:expr) => {
        impl Real for $real {
            type Key = $bits;
            const ZERO: Self = <$real>::from_bits(0);
            const ONE: Self = <$real>::from_bits($infinity >> 1 & !((1 << $mantissa) - 1));
            const INFINITY: Self = <$real>::from_bits($infinity);

            fn round(number: f64) -> Self {
                $round(number)
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                $to_f64(self)
            }

            #[inline(always)]
            fn from_key(key: $bits) -> Self {
                <$real>::from_bits(key)
            }

            #[inline(always)]
            fn bits(self) -> $bits {
                self.to_bits()
            }

            #[inline(always)]
            fn key(self) -> $bits {
                self.to_bits() & (<$bits>::MAX >> 1)
            }

            fn inverts_exactly(self) -> bool {
                let reciprocal = Self::ONE / self;
                [self, reciprocal].into_iter().all(|number| {
                    let bits = number.to_bits();
                    bits & ((1 << $mantissa) - 1) == 0 && 0 < bits && bits < $infinity
                })
            }
        }

        impl Stored<{ size_of::<$real>() }> for $real {
            #[inline(always)]
            fn load(bytes: [u8; size_of::<$real>()]) -> Self {
                <$real>::from_le_bytes(bytes)
            }

            #[inline(always)]
            fn store(self) -> [u8; size_of::<$real>()] {
                self.to_le_bytes()
            }
        }
    };
}

real!(f16, u16, 10, 0x7C00, round_to_f16, |x: f16| x.to_f64());
real!(f32, u32, 23, 0x7F80_0000, |x| x as f32, f64::from);
real!(f64, u64, 52, 0x7FF0_0000_0000_0000, |x| x, |x| x);

/// f64 to float16 with one rounding.
///
/// By way of f32 there would be two, and `half` drops the low bits of an f64 before it rounds. Rounding to
/// odd on the way keeps the second one right: the last bit says that something was lost (Boldo and
/// Melquiond, "Emulation of FMA and correctly rounded sums", IEEE Transactions on Computers 57(4), 2008).
fn round_to_f16(number: f64) -> f16 {
    let nearest = number as f32;
    let bits = nearest.to_bits();
    let inexact = f64::from(nearest) != number && !number.is_nan();
    let odd = if !inexact || bits & 1 == 1 {
        bits
    } else if f64::from(nearest).abs() < number.abs() {
        bits + 1
    } else {
        bits - 1
    };
    f16::from_f32(f32::from_bits(odd))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn f16_is_rounded_once() {
        let one_and_a_half_ulp = 1.0 + 3.0 / 2048.0;
        assert_eq!(f16::round(one_and_a_half_ulp).to_bits(), 0x3C02);
        assert_eq!(f16::round(one_and_a_half_ulp - 1e-15).to_bits(), 0x3C01);
        assert_eq!(f16::round(1.0 + 1.0 / 2048.0).to_bits(), 0x3C00);
        assert_eq!(f16::round(1.0 + 1.0 / 2048.0 + 1e-15).to_bits(), 0x3C01);
        assert_eq!(f16::round(1e300), f16::INFINITY);
        assert_eq!(f16::round(-1e-300).to_bits(), 0x8000);
        assert!(f16::round(f64::NAN).is_nan());
    }

    #[test]
    fn ones() {
        assert_eq!((<f16 as Real>::ONE.to_f64(), <f32 as Real>::ONE, <f64 as Real>::ONE), (1.0, 1.0, 1.0));
    }

    #[test]
    fn powers_of_two_invert_exactly() {
        assert!(1f32.inverts_exactly() && 64f32.inverts_exactly() && 0.5f32.inverts_exactly());
        assert!(2f32.powi(126).inverts_exactly() && !2f32.powi(127).inverts_exactly());
        assert!(!2f32.powi(-127).inverts_exactly());
        assert!(!7f32.inverts_exactly() && !0f32.inverts_exactly() && !f32::INFINITY.inverts_exactly());
    }

    #[test]
    fn thresholds_are_exact() {
        assert_eq!(f32::round_up(0.1), 0.1f32);
        assert_eq!(f32::round_up(0.3), 0.3f32);
        assert!(f64::from(f32::round_up(1.0 + 1e-12)) > 1.0);
        assert_eq!(f32::round_up(1e300), f32::INFINITY);
        assert_eq!(f32::round_up(f64::from(f32::MAX)), f32::MAX);
        assert_eq!(f32::round_up(1e-300), f32::from_bits(1));
        assert!(f32::round_up(f64::NAN).is_nan());
    }
}
