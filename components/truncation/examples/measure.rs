//! How long truncation takes: 25.6 million normal float32 elements in 161 tensors, or `measure <millions>`.

#![allow(clippy::unwrap_used)]

use std::time::Instant;

use truncation::{Array, Dtype, Settings, truncate};

fn main() {
    let millions: f64 = std::env::args().nth(1).map_or(25.6, |millions| millions.parse().unwrap());
    let len = (millions * 1e6 / 161.0) as u64;
    let mut state = 1u64;
    // Twelve uniforms make a normal (Irwin and Hall), four of them from each 64-bit number.
    let mut normal = || {
        let mut sum = 0.0;
        for _ in 0..3 {
            // SplitMix64: the sample would resonate with a generator of which the low bits are weak.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut bits = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            bits ^= bits >> 31;
            sum += (0..4).map(|i| ((bits >> (16 * i)) & 0xFFFF) as f32 / 65536.0).sum::<f32>();
        }
        sum - 6.0
    };
    let mut tensor = || {
        let bytes = (0..len).flat_map(|_| (normal() * 0.01).to_le_bytes()).collect();
        Array::new(Dtype::Float32, vec![len], bytes).unwrap()
    };
    let original: Vec<Array> = (0..161).map(|_| tensor()).collect();
    for (steps, percentile) in [(1.0, 95.0), (7.0, 95.0), (1.0, 10.0), (1.0, 50.0), (1.0, 30.0), (1.0, 70.0)]
    {
        let best = (0..7)
            .map(|_| {
                let mut tensors = original.clone();
                let start = Instant::now();
                truncate(&mut tensors, &Settings { percentile, gamma: 0.01, steps }).unwrap();
                start.elapsed()
            })
            .min();
        println!("{millions} M, steps {steps}, percentile {percentile}: {:?}", best.unwrap());
    }
}
