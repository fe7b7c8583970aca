//! The first look at blocks of keys: most have none that is near the bracket.

use crate::Key;
use crate::bracket::Bracket;
use crate::tally::BLOCK;

/// Looks at blocks against a bracket.
pub(crate) trait Survey<K> {
    fn new(bracket: Bracket<K>) -> Self;

    /// A bit for each key of the block, the first one lowest: set where it is in the bracket, its ends
    /// included.
    fn add(&mut self, block: &[K; BLOCK]) -> u16;

    /// How many keys were below the bracket, the smallest and the largest of all.
    fn finish(self) -> (u64, K, K);
}

/// For any key.
pub struct Plain<K: Key> {
    lo: K::Signed,
    hi: K::Signed,
    below: u64,
    min: K::Signed,
    max: K::Signed,
}

impl<K: Key> Survey<K> for Plain<K> {
    fn new(bracket: Bracket<K>) -> Self {
        Self {
            lo: bracket.lo.signed(),
            hi: bracket.hi.signed(),
            below: 0,
            min: K::MAX.signed(),
            max: K::MIN.signed(),
        }
    }

    #[inline(always)]
    fn add(&mut self, block: &[K; BLOCK]) -> u16 {
        let (mut below, mut above) = (0_u32, 0_u32);
        for key in block {
            let key = key.signed();
            below += u32::from(key < self.lo);
            above += u32::from(self.hi < key);
            self.min = self.min.min(key);
            self.max = self.max.max(key);
        }
        self.below += u64::from(below);
        if (below + above) as usize == BLOCK {
            return 0;
        }
        let is_in = |key: &K| !((key.signed() < self.lo) | (self.hi < key.signed()));
        block.iter().rev().fold(0, |mask, key| mask << 1 | u16::from(is_in(key)))
    }

    fn finish(self) -> (u64, K, K) {
        (self.below, K::from_signed(self.min), K::from_signed(self.max))
    }
}

/// For `u32` in WebAssembly, by hand: the compiler's own loop looks at 4 keys a turn, and the sandbox at
/// its clock on each turn.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use vectors::Vectors;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vectors {
    use core::arch::wasm32::{
        i8x16_bitmask, i8x16_narrow_i16x8, i16x8_narrow_i32x4, i32x4_extract_lane, i32x4_gt, i32x4_lt,
        i32x4_max, i32x4_min, i32x4_splat, i32x4_sub, u32x4, v128, v128_or, v128_xor,
    };

    use super::Survey;
    use crate::Key;
    use crate::bracket::Bracket;
    use crate::tally::BLOCK;

    const LANES: usize = 4;

    pub struct Vectors {
        lo: v128,
        hi: v128,
        /// A count in each lane; more keys than it holds do not fit into a 32-bit memory.
        below: v128,
        min: v128,
        max: v128,
    }

    fn lanes(vector: v128) -> [i32; LANES] {
        [
            i32x4_extract_lane::<0>(vector),
            i32x4_extract_lane::<1>(vector),
            i32x4_extract_lane::<2>(vector),
            i32x4_extract_lane::<3>(vector),
        ]
    }

    impl Survey<u32> for Vectors {
        fn new(bracket: Bracket<u32>) -> Self {
            Self {
                lo: i32x4_splat(bracket.lo.signed()),
                hi: i32x4_splat(bracket.hi.signed()),
                below: i32x4_splat(0),
                min: i32x4_splat(i32::MAX),
                max: i32x4_splat(i32::MIN),
            }
        }

        #[inline(always)]
        fn add(&mut self, block: &[u32; BLOCK]) -> u16 {
            let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = block;
            let rows = [u32x4(a, b, c, d), u32x4(e, f, g, h), u32x4(i, j, k, l), u32x4(m, n, o, p)];
            let [a, b, c, d] = rows.map(|keys| {
                let keys = v128_xor(keys, i32x4_splat(i32::MIN));
                let below = i32x4_lt(keys, self.lo);
                self.below = i32x4_sub(self.below, below);
                self.min = i32x4_min(self.min, keys);
                self.max = i32x4_max(self.max, keys);
                v128_or(below, i32x4_gt(keys, self.hi))
            });
            !i8x16_bitmask(i8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d)))
        }

        fn finish(self) -> (u64, u32, u32) {
            let below = lanes(self.below).into_iter().map(|lane| u64::from(lane as u32)).sum();
            let min = lanes(self.min).into_iter().min().unwrap_or(i32::MAX);
            let max = lanes(self.max).into_iter().max().unwrap_or(i32::MIN);
            (below, u32::from_signed(min), u32::from_signed(max))
        }
    }
}
