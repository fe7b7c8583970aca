//! The inner loops, natively: the time of each by Criterion (`cargo bench --package truncation`), and each once,
//! for callgrind to count its instructions (`cargo xtask bench loops`, which is where they are compared with
//! `loops.json`).
//!
//! `list` prints the names of the loops, `once NAME` runs one of them in [`measured`].

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use half::f16;
use order_statistics::{Key, Keys, Position, select};
use truncation::{Array, Dtype, Settings, truncate};

/// How many elements each loop is given.
const ELEMENTS: usize = 1_000_000;
const PERCENTILE: f64 = 95.0;

/// A loop, over data of its own.
enum Loop {
    Select16(Vec<u16>),
    Select32(Vec<u32>),
    Select64(Vec<u64>),
    Truncate(Array),
}

/// What a loop is called, and what makes it.
type Named = (&'static str, fn() -> Loop);

const LOOPS: [Named; 7] = [
    ("select-u16", || Loop::Select16(words().map(|word| (word >> 48) as u16).collect())),
    ("select-u32", || Loop::Select32(words().map(|word| (word >> 32) as u32).collect())),
    ("select-u64", || Loop::Select64(words().collect())),
    ("truncate-float16", || truncated(Dtype::Float16, |number| f16::from_f64(number).to_le_bytes())),
    ("truncate-float32", || truncated(Dtype::Float32, |number| (number as f32).to_le_bytes())),
    ("truncate-float64", || truncated(Dtype::Float64, f64::to_le_bytes)),
    ("truncate-int64", || truncated(Dtype::Int64, |number| ((number * 1e6) as i64).to_le_bytes())),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => LOOPS.iter().for_each(|(name, _)| println!("{name}")),
        ["once", wanted] => {
            let made = LOOPS.iter().filter(|(name, _)| *name == wanted);
            made.for_each(|(_, make)| measured(make()));
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            let mut group = criterion.benchmark_group("loops");
            group.throughput(Throughput::Elements(ELEMENTS as u64));
            for (name, make) in LOOPS {
                group.bench_function(name, |bencher| {
                    bencher.iter_batched(make, measured, BatchSize::LargeInput);
                });
            }
            group.finish();
            criterion.final_summary();
        }
    }
}

/// What is counted and timed. It is one function in the program, so that callgrind can tell it from the rest.
#[inline(never)]
fn measured(what: Loop) {
    match what {
        Loop::Select16(keys) => selected(keys),
        Loop::Select32(keys) => selected(keys),
        Loop::Select64(keys) => selected(keys),
        Loop::Truncate(array) => {
            let mut arrays = [array];
            let settings = Settings { percentile: PERCENTILE, gamma: 0.02, steps: 4.0 };
            let Ok(outcome) = truncate(&mut arrays, &settings);
            black_box((outcome, arrays));
        }
    }
}

fn selected<K: Key>(keys: Vec<K>) {
    if let Some(Position { lower, upper, .. }) = Position::linear(keys.len() as u64, PERCENTILE) {
        let Ok(selected) = select(&mut InMemory(keys), lower, upper);
        black_box(selected);
    }
}

/// Keys in memory, shown as tensors are.
struct InMemory<K>(Vec<K>);

impl<K: Key> Keys<K> for InMemory<K> {
    type Error = Infallible;

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[K])) -> Result<(), Infallible> {
        self.0.chunks(4096).for_each(visit);
        Ok(())
    }

    fn sample(&mut self, at_most: usize, visit: &mut dyn FnMut(&[K])) -> Result<(), Infallible> {
        let runs = at_most.div_ceil(64).max(1);
        let stride = self.0.len().div_ceil(runs).max(64);
        self.0.chunks(stride).filter_map(|chunk| chunk.get(..64)).for_each(visit);
        Ok(())
    }
}

fn truncated<const N: usize>(dtype: Dtype, bytes: impl Fn(f64) -> [u8; N]) -> Loop {
    // Sums of four uniform numbers are near enough to what updates are.
    let number =
        |word: u64| (0..4).map(|i| f64::from((word >> (16 * i)) as u16)).sum::<f64>() / 131_072.0 - 1.0;
    let bytes: Vec<u8> = words().flat_map(|word| bytes(0.1 * number(word))).collect();
    // Never without elements: of the loops' names, one stands for each type.
    Array::new(dtype, vec![ELEMENTS as u64], bytes).map_or(Loop::Select16(Vec::new()), Loop::Truncate)
}

/// The same on every machine: SplitMix64.
fn words() -> impl Iterator<Item = u64> {
    (1..=ELEMENTS as u64).map(|index| {
        let mut z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
