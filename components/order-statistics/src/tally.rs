//! The counting pass: where a bracket lies in the order of all keys, and what lies within it.

use crate::Key;
use crate::bracket::Bracket;

/// Keys that are counted at a time.
const BLOCK: usize = 64;
/// Keys that are searched at a time for some within the bracket.
const PIECE: usize = 16;

/// Counts of keys against a bracket; the keys strictly within it while they fit; the extremes.
///
/// The ends of the bracket are counted, not collected: no number of ties there takes any memory.
#[derive(Debug)]
pub(crate) struct Tally<K: Key> {
    pub bracket: Bracket<K>,
    /// The bracket's ends as they are compared.
    signed: [K::Signed; 2],
    capacity: usize,
    /// The keys strictly within the bracket, or `None` once they did not fit.
    pub inside: Option<Vec<K>>,
    pub below_lo: u64,
    pub upto_lo: u64,
    pub below_hi: u64,
    pub upto_hi: u64,
    pub total: u64,
    min: K::Signed,
    max: K::Signed,
}

impl<K: Key> Tally<K> {
    pub fn new(bracket: Bracket<K>, capacity: usize) -> Self {
        Self {
            bracket,
            signed: [bracket.lo.signed(), bracket.hi.signed()],
            capacity,
            inside: Some(Vec::with_capacity(capacity + BLOCK)),
            below_lo: 0,
            upto_lo: 0,
            below_hi: 0,
            upto_hi: 0,
            total: 0,
            min: K::MAX.signed(),
            max: K::MIN.signed(),
        }
    }

    pub fn min(&self) -> K {
        K::from_signed(self.min)
    }

    pub fn max(&self) -> K {
        K::from_signed(self.max)
    }

    pub fn add(&mut self, keys: &[K]) {
        let (blocks, rest) = keys.as_chunks::<BLOCK>();
        for block in blocks {
            self.add_block(block);
        }
        self.add_block(rest);
        self.total += keys.len() as u64;
    }

    #[inline(always)]
    fn add_block(&mut self, block: &[K]) {
        let [lo, hi] = self.signed;
        let (mut below_lo, mut upto_lo, mut below_hi, mut upto_hi) = (0u32, 0u32, 0u32, 0u32);
        let (mut min, mut max) = (self.min, self.max);
        for key in block {
            let key = key.signed();
            min = min.min(key);
            max = max.max(key);
            below_lo += u32::from(key < lo);
            upto_lo += u32::from(key <= lo);
            below_hi += u32::from(key < hi);
            upto_hi += u32::from(key <= hi);
        }
        self.below_lo += u64::from(below_lo);
        self.upto_lo += u64::from(upto_lo);
        self.below_hi += u64::from(below_hi);
        self.upto_hi += u64::from(upto_hi);
        self.min = min;
        self.max = max;
        if below_hi > upto_lo {
            self.collect(block);
        }
    }

    #[inline(never)]
    fn collect(&mut self, block: &[K]) {
        let Some(inside) = &mut self.inside else { return };
        let [lo, hi] = self.signed;
        for piece in block.chunks(PIECE) {
            if !piece.iter().fold(false, |any, key| any | ((lo < key.signed()) & (key.signed() < hi))) {
                continue;
            }
            let mut found = [K::MIN; PIECE];
            let mut count = 0;
            for &key in piece {
                if let Some(slot) = found.get_mut(count) {
                    *slot = key;
                }
                count += usize::from((lo < key.signed()) & (key.signed() < hi));
            }
            inside.extend_from_slice(found.get(..count).unwrap_or_default());
        }
        if inside.len() > self.capacity {
            self.inside = None;
        }
    }
}
