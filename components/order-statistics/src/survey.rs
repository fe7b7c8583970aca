//! The first look at blocks of keys: most have none that is near the bracket.

use crate::Key;
use crate::bracket::Bracket;
use crate::tally::BLOCK;

/// Looks at blocks against a bracket.
pub(crate) trait Survey<K> {
    /// Of what is shown, these bits are keys.
    fn new(bracket: Bracket<K>, bits: K) -> Self;

    /// Counts the keys of blocks, and hands over each that is in the bracket, its ends included.
    fn add(&mut self, blocks: &[[K; BLOCK]], found: impl FnMut(K));

    /// How many keys were below the bracket, the smallest and the largest of all.
    fn finish(self) -> (u64, K, K);
}

/// For any key.
pub struct Plain<K: Key> {
    bits: K,
    lo: K::Signed,
    hi: K::Signed,
    below: u64,
    min: K::Signed,
    max: K::Signed,
}

impl<K: Key> Survey<K> for Plain<K> {
    fn new(bracket: Bracket<K>, bits: K) -> Self {
        Self {
            bits,
            lo: bracket.lo.signed(),
            hi: bracket.hi.signed(),
            below: 0,
            min: K::MAX.signed(),
            max: K::MIN.signed(),
        }
    }

    #[inline(always)]
    fn add(&mut self, blocks: &[[K; BLOCK]], mut found: impl FnMut(K)) {
        for block in blocks {
            let mut inside = self.look(block);
            while let Some(key) = block.get(inside.trailing_zeros() as usize) {
                found(*key & self.bits);
                inside &= inside - 1;
            }
        }
    }

    fn finish(self) -> (u64, K, K) {
        (self.below, K::from_signed(self.min), K::from_signed(self.max))
    }
}

impl<K: Key> Plain<K> {
    /// Counts a block; a bit for each of its keys, the first one lowest: set where it is in the bracket.
    #[inline(always)]
    fn look(&mut self, block: &[K; BLOCK]) -> u16 {
        let (mut below, mut above) = (0_u32, 0_u32);
        for &key in block {
            let key = (key & self.bits).signed();
            below += u32::from(key < self.lo);
            above += u32::from(self.hi < key);
            self.min = self.min.min(key);
            self.max = self.max.max(key);
        }
        self.below += u64::from(below);
        if (below + above) as usize == BLOCK {
            return 0;
        }
        let is_in = |key: K| !((key.signed() < self.lo) | (self.hi < key.signed()));
        block.iter().rev().fold(0, |mask, &key| mask << 1 | u16::from(is_in(key & self.bits)))
    }
}

/// For `u32` in WebAssembly, by hand: the compiler's own loop looks at 4 keys a turn, and the sandbox at
/// its clock on each turn.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use vectors::Vectors;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vectors {
    use core::arch::wasm32::{
        i32x4_all_true, i32x4_bitmask, i32x4_extract_lane, i32x4_gt, i32x4_lt, i32x4_max, i32x4_min,
        i32x4_splat, i32x4_sub, u32x4, u32x4_splat, v128, v128_and, v128_or, v128_xor,
    };

    use super::Survey;
    use crate::Key;
    use crate::bracket::Bracket;
    use crate::tally::BLOCK;

    const LANES: usize = 4;
    /// Blocks that are counted before any is looked at again, one for each bit of an integer: what is done with keys
    /// that are found would take the counts' registers from them.
    const GROUP: usize = u64::BITS as usize;

    pub struct Vectors {
        bits: u32,
        lo: v128,
        hi: v128,
        /// A count in each lane; more keys than it holds do not fit into a 32-bit memory.
        below: v128,
        min: v128,
        max: v128,
    }

    fn rows(block: &[u32; BLOCK], bits: u32) -> [v128; BLOCK / LANES] {
        let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = block;
        let rows = [u32x4(a, b, c, d), u32x4(e, f, g, h), u32x4(i, j, k, l), u32x4(m, n, o, p)];
        rows.map(|keys| v128_xor(v128_and(keys, u32x4_splat(bits)), i32x4_splat(i32::MIN)))
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
        fn new(bracket: Bracket<u32>, bits: u32) -> Self {
            Self {
                bits,
                lo: i32x4_splat(bracket.lo.signed()),
                hi: i32x4_splat(bracket.hi.signed()),
                below: i32x4_splat(0),
                min: i32x4_splat(i32::MAX),
                max: i32x4_splat(i32::MIN),
            }
        }

        #[inline(always)]
        fn add(&mut self, blocks: &[[u32; BLOCK]], mut found: impl FnMut(u32)) {
            for group in blocks.chunks(GROUP) {
                let mut near = 0_u64;
                for (at, block) in group.iter().enumerate() {
                    near |= u64::from(self.count(block)) << at;
                }
                while let Some(block) = group.get(near.trailing_zeros() as usize) {
                    let mut inside = self.inside(block);
                    while let Some(key) = block.get(inside.trailing_zeros() as usize) {
                        found(*key & self.bits);
                        inside &= inside - 1;
                    }
                    near &= near - 1;
                }
            }
        }

        fn finish(self) -> (u64, u32, u32) {
            let below = lanes(self.below).into_iter().map(|lane| u64::from(lane as u32)).sum();
            let min = lanes(self.min).into_iter().min().unwrap_or(i32::MAX);
            let max = lanes(self.max).into_iter().max().unwrap_or(i32::MIN);
            (below, u32::from_signed(min), u32::from_signed(max))
        }
    }

    impl Vectors {
        /// Counts a block; says whether any of its keys is in the bracket.
        #[inline(always)]
        fn count(&mut self, block: &[u32; BLOCK]) -> bool {
            let [a, b, c, d] = rows(block, self.bits).map(|keys| {
                let below = i32x4_lt(keys, self.lo);
                self.below = i32x4_sub(self.below, below);
                self.min = i32x4_min(self.min, keys);
                self.max = i32x4_max(self.max, keys);
                v128_or(below, i32x4_gt(keys, self.hi))
            });
            !i32x4_all_true(v128_and(v128_and(a, b), v128_and(c, d)))
        }

        /// A bit for each key of the block, the first one lowest: set where it is in the bracket.
        fn inside(&self, block: &[u32; BLOCK]) -> u16 {
            let [a, b, c, d] = rows(block, self.bits).map(|keys| {
                let outside = v128_or(i32x4_lt(keys, self.lo), i32x4_gt(keys, self.hi));
                u16::from(i32x4_bitmask(outside))
            });
            !(a | b << 4 | c << 8 | d << 12)
        }
    }
}
