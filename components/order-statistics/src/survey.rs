//! The first look at blocks of keys: most have none that is near the bracket.

use crate::Key;
use crate::bracket::Bracket;
use crate::tally::BLOCK;

/// Looks at blocks against a bracket.
///
/// Of keys, and of a lower end of the bracket, that have their first bit set only [`Plain`] need know.
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
            let inside = self.look(block);
            each(block, inside, |key| found(key & self.bits));
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

/// Hands over the keys of a block of which the bit is set, the first one's the lowest.
#[inline(always)]
fn each<K: Copy>(block: &[K; BLOCK], mut chosen: u16, mut visit: impl FnMut(K)) {
    while let Some(&key) = block.get(chosen.trailing_zeros() as usize) {
        visit(key);
        chosen &= chosen - 1;
    }
}

/// For `u32` in WebAssembly, by hand: the compiler's own loop looks at 4 keys a turn, and the sandbox at
/// its clock on each turn.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use vectors::Vectors;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vectors {
    use core::arch::wasm32::{
        i32x4_add, i32x4_bitmask, i32x4_sub, u32x4, u32x4_extract_lane, u32x4_le, u32x4_max, u32x4_min,
        u32x4_shr, u32x4_splat, v128, v128_and, v128_any_true,
    };

    use super::{Survey, each};
    use crate::bracket::Bracket;
    use crate::tally::BLOCK;

    const LANES: usize = 4;
    /// Blocks that are counted before any is looked at again, one for each bit of an integer: what is done with keys
    /// that are found would take the counts' registers from them.
    const GROUP: usize = u64::BITS as usize;
    /// Blocks that are counted in one turn of the loop; four were no quicker.
    const TURN: usize = 2;

    type Rows = [v128; BLOCK / LANES];

    pub struct Vectors {
        bits: v128,
        lo: v128,
        /// What lies between the ends of the bracket.
        width: v128,
        /// A count in each lane; more keys than it holds do not fit into a 32-bit memory.
        below: v128,
        min: v128,
        max: v128,
    }

    /// One vector of all, by a tree.
    fn all([a, b, c, d]: Rows, of_two: fn(v128, v128) -> v128) -> v128 {
        of_two(of_two(a, b), of_two(c, d))
    }

    fn lanes(vector: v128) -> [u32; LANES] {
        [
            u32x4_extract_lane::<0>(vector),
            u32x4_extract_lane::<1>(vector),
            u32x4_extract_lane::<2>(vector),
            u32x4_extract_lane::<3>(vector),
        ]
    }

    impl Survey<u32> for Vectors {
        fn new(bracket: Bracket<u32>, bits: u32) -> Self {
            Self {
                bits: u32x4_splat(bits),
                lo: u32x4_splat(bracket.lo),
                width: u32x4_splat(bracket.hi.wrapping_sub(bracket.lo)),
                below: u32x4_splat(0),
                min: u32x4_splat(u32::MAX),
                max: u32x4_splat(u32::MIN),
            }
        }

        #[inline(always)]
        fn add(&mut self, blocks: &[[u32; BLOCK]], mut found: impl FnMut(u32)) {
            let bits = u32x4_extract_lane::<0>(self.bits);
            for group in blocks.chunks(GROUP) {
                let (mut near, mut at) = (0_u64, 0);
                let mut count = |block| {
                    near |= u64::from(self.count(block)) << at;
                    at += 1;
                };
                let (turns, rest) = group.as_chunks::<TURN>();
                turns.iter().for_each(|turn| turn.iter().for_each(&mut count));
                rest.iter().for_each(count);
                while let Some(block) = group.get(near.trailing_zeros() as usize) {
                    each(block, self.inside(block), |key| found(key & bits));
                    near &= near - 1;
                }
            }
        }

        fn finish(self) -> (u64, u32, u32) {
            let below = lanes(self.below).into_iter().map(u64::from).sum();
            let min = lanes(self.min).into_iter().min().unwrap_or(u32::MAX);
            let max = lanes(self.max).into_iter().max().unwrap_or(u32::MIN);
            (below, min, max)
        }
    }

    impl Vectors {
        /// Counts a block; says whether any of its keys is in the bracket.
        #[inline(always)]
        fn count(&mut self, block: &[u32; BLOCK]) -> bool {
            let keys = self.keys(block);
            let from_lo = keys.map(|keys| i32x4_sub(keys, self.lo));
            // Of two numbers of 31 bits: the first bit is the difference's sign.
            let below = from_lo.map(|keys| u32x4_shr(keys, 31));
            self.below = i32x4_add(self.below, all(below, i32x4_add));
            self.min = u32x4_min(self.min, all(keys, u32x4_min));
            self.max = u32x4_max(self.max, all(keys, u32x4_max));
            // A key before the bracket wraps round to a difference beyond it.
            v128_any_true(u32x4_le(all(from_lo, u32x4_min), self.width))
        }

        /// A bit for each key of the block, the first one lowest: set where it is in the bracket.
        fn inside(&self, block: &[u32; BLOCK]) -> u16 {
            let [a, b, c, d] = self.keys(block).map(|keys| {
                let inside = u32x4_le(i32x4_sub(keys, self.lo), self.width);
                u16::from(i32x4_bitmask(inside))
            });
            a | b << 4 | c << 8 | d << 12
        }

        fn keys(&self, block: &[u32; BLOCK]) -> Rows {
            let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = block;
            let rows = [u32x4(a, b, c, d), u32x4(e, f, g, h), u32x4(i, j, k, l), u32x4(m, n, o, p)];
            rows.map(|keys| v128_and(keys, self.bits))
        }
    }
}
