//! Changes files as libFuzzer would, but the same on every machine and in every run.

/// Numbers at which readers stumble.
const INTERESTING: [u64; 16] = [
    0,
    1,
    7,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 32,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];
/// Texts that mean something to one format or another.
const TEXTS: [&str; 14] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "-1",
    "1e999",
    "NaN",
    "\\u001b",
    "\u{202e}",
    "18446744073709551616",
];
/// The longest part that is inserted, in bytes.
const PART: usize = 64;

/// A source of changes, all of them decided by the seed.
pub struct Mutator(u64);

impl Mutator {
    /// The changes of a seed.
    pub fn new(seed: &str) -> Self {
        Self(Self::digest(seed.as_bytes()))
    }

    /// FNV-1a: std promises no hash that stays the same.
    pub fn digest(bytes: &[u8]) -> u64 {
        bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    fn range(&mut self, data: &[u8], longest: usize) -> std::ops::Range<usize> {
        let start = self.below(data.len() + 1);
        start..start + self.below((data.len() - start).min(longest) + 1)
    }

    /// `file` with one to four changes; `other` is a file of the same kind, to take parts of.
    pub fn change(&mut self, file: &[u8], other: &[u8]) -> Vec<u8> {
        let mut data = file.to_vec();
        for _ in 0..=self.below(4) {
            self.change_once(&mut data, other);
        }
        data
    }

    fn change_once(&mut self, data: &mut Vec<u8>, other: &[u8]) {
        match self.below(10) {
            0 => {
                let at = self.below(data.len());
                let bit = self.below(8);
                data.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            1 => {
                let at = self.below(data.len());
                let new = self.next() as u8;
                data.iter_mut().skip(at).take(1).for_each(|byte| *byte = new);
            }
            2 => data.truncate(self.below(data.len())),
            3 => drop(data.drain(self.range(data, PART))),
            4 => {
                // A part twice.
                let part = data[self.range(data, PART)].to_vec();
                let at = self.below(data.len() + 1);
                data.splice(at..at, part);
            }
            5 => {
                // A part of another file, in the place of one here.
                let part = other[self.range(other, usize::MAX)].to_vec();
                data.splice(self.range(data, usize::MAX), part);
            }
            6 => self.length_field(data),
            7 => {
                let width = 1 << self.below(4);
                let number = INTERESTING[self.below(INTERESTING.len())].to_le_bytes();
                let at = self.below(data.len() + 1);
                let end = if self.below(2) == 0 { at } else { data.len().min(at + width) };
                data.splice(at..end, number[..width].iter().copied());
            }
            8 => self.digits(data),
            _ => {
                let text = TEXTS[self.below(TEXTS.len())];
                data.splice(self.range(data, 3), text.bytes());
            }
        }
    }

    /// A little-endian number somewhere becomes another that is near, or far.
    fn length_field(&mut self, data: &mut [u8]) {
        let width = 1 << self.below(4);
        let Some(last) = data.len().checked_sub(width) else { return };
        let at = self.below(last + 1);
        let field = &mut data[at..at + width];
        let mut number = [0; 8];
        number[..width].copy_from_slice(field);
        let number = u64::from_le_bytes(number);
        let changed = match self.below(6) {
            0 => number.wrapping_add(1),
            1 => number.wrapping_sub(1),
            2 => number.wrapping_mul(2),
            3 => !number,
            4 => number.swap_bytes(),
            _ => INTERESTING[self.below(INTERESTING.len())],
        };
        field.copy_from_slice(&changed.to_le_bytes()[..width]);
    }

    /// The same for a number in digits.
    fn digits(&mut self, data: &mut Vec<u8>) {
        let from = self.below(data.len());
        let Some(start) = data[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else {
            return;
        };
        let len = data[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = INTERESTING[self.below(INTERESTING.len())].to_string();
        data.splice(start..start + len, number.into_bytes());
    }
}
