//! The sandboxed filter and its logic run natively agree on data that is large enough to be sampled: what
//! is compiled for WebAssembly has loops of its own.

use flip_runtime::{DataKind, Dtype, Dxo, Tensor};
use flip_wasm_tests::{assert_same, context, percentile_privacy};
use truncation::{Array, Outcome, Settings, truncate};

const LEN: usize = 40_000;
const STEPS: f64 = 3.0;
const GAMMA: f64 = 0.8;
const PERCENTILE: f64 = 63.0;

/// Numbers that look random.
fn noise(index: usize) -> f64 {
    let mixed = (index as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
}

/// The element at an index.
type Value = fn(usize) -> f64;

/// Data on which a selection can go wrong, by name: ordinary, ties at one end or both of the bracket,
/// order, gaps, extremes.
const DATA: [(&str, Value); 11] = [
    ("noise", noise),
    ("all equal", |_| -0.5),
    ("all zero", |_| -0.0),
    ("nine tenths zero", |index| if index % 10 == 0 { noise(index) } else { 0.0 }),
    ("two values", |index| if noise(index) < 0.26 { 1.0 } else { -2.0 }),
    ("three values", |index| (noise(index) * 3.0).trunc()),
    ("ascending", |index| index as f64),
    ("descending", |index| -((LEN - index) as f64)),
    ("denormals", |index| noise(index) * 1e-40),
    ("infinities", |index| if index % 3 == 0 { f64::INFINITY } else { noise(index) * 1e30 }),
    ("one that is no number", |index| if index == LEN / 2 { f64::NAN } else { noise(index) }),
];

/// The bytes of one element.
fn bytes(dtype: Dtype, value: f64) -> Vec<u8> {
    match dtype {
        Dtype::Float64 => value.to_le_bytes().to_vec(),
        Dtype::Float32 => (value as f32).to_le_bytes().to_vec(),
        Dtype::Bfloat16 => ((value as f32).to_bits() >> 16).to_le_bytes()[..2].to_vec(),
        Dtype::Int64 => ((value * 1e6) as i64).to_le_bytes().to_vec(),
        Dtype::Uint8 => vec![(value * 100.0) as u8],
        other => panic!("no {other} here"),
    }
}

fn native(dtype: Dtype) -> truncation::Dtype {
    match dtype {
        Dtype::Float64 => truncation::Dtype::Float64,
        Dtype::Float32 => truncation::Dtype::Float32,
        Dtype::Bfloat16 => truncation::Dtype::Bfloat16,
        Dtype::Int64 => truncation::Dtype::Int64,
        Dtype::Uint8 => truncation::Dtype::Uint8,
        other => panic!("no {other} here"),
    }
}

/// Filters the same tensors both ways.
fn assert_agree(name: &str, percentile: f64, parts: &[(Dtype, Vec<u8>)]) {
    let settings = Settings { percentile, gamma: GAMMA, steps: STEPS };
    let name_of = |index: usize| format!("{name}.{index}");
    let len = |dtype: Dtype, bytes: &[u8]| (bytes.len() / dtype.size()) as u64;
    let tensors = parts.iter().enumerate().map(|(index, (dtype, bytes))| {
        (name_of(index), Tensor::new(*dtype, &[len(*dtype, bytes)], bytes.clone()).unwrap())
    });
    let mut dxo = Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap();
    dxo.set_meta("NUM_STEPS_CURRENT_ROUND", &STEPS).unwrap();
    let args = format!(r#"{{"percentile": {}, "gamma": {}}}"#, percentile, GAMMA);
    let filtered =
        percentile_privacy().instance().args(args).build().unwrap().filter(dxo, &context()).unwrap();

    let arrays = parts
        .iter()
        .map(|(dtype, bytes)| Array::new(native(*dtype), vec![len(*dtype, bytes)], bytes.clone()).unwrap());
    let mut arrays: Vec<_> = arrays.collect();
    assert!(matches!(truncate(&mut arrays, &settings), Ok(Outcome::Truncated(_))));
    let expected = arrays.iter().zip(parts).enumerate().map(|(index, (array, (dtype, _)))| {
        let dtype = match dtype {
            Dtype::Bfloat16 => Dtype::Float32,
            Dtype::Float32 => Dtype::Float32,
            _ => Dtype::Float64,
        };
        (name_of(index), Tensor::new(dtype, &[len(dtype, array.bytes())], array.bytes().to_vec()).unwrap())
    });
    let mut expected = Dxo::of_tensors(DataKind::WeightDiff, expected).unwrap();
    expected.meta = filtered.dxo.meta.clone();
    assert_same(&filtered.dxo, &expected);
}

#[test]
fn the_sandbox_agrees_with_native_code() {
    for (name, value) in DATA {
        for dtype in [Dtype::Float32, Dtype::Float64, Dtype::Bfloat16, Dtype::Int64, Dtype::Uint8] {
            let data = (0..LEN).flat_map(|index| bytes(dtype, value(index))).collect();
            assert_agree(&format!("{name} as {dtype}"), PERCENTILE, &[(dtype, data)]);
        }
    }
}

#[test]
fn the_sandbox_agrees_with_native_code_on_mixtures() {
    for (name, value) in DATA {
        let part = |dtype, from: usize, to: usize| {
            (dtype, (from..to).flat_map(|index| bytes(dtype, value(index))).collect::<Vec<_>>())
        };
        let floats = [part(Dtype::Float32, 0, 15_001), part(Dtype::Bfloat16, 15_001, LEN)];
        assert_agree(name, PERCENTILE, &floats);
        assert_agree(
            name,
            PERCENTILE,
            &[part(Dtype::Float64, 0, 9_999), part(Dtype::Float32, 9_999, LEN), part(Dtype::Uint8, 0, 3)],
        );
    }
}

#[test]
fn the_sandbox_agrees_with_native_code_around_the_sizes_of_its_blocks() {
    for len in [
        1, 2, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 1_023, 1_024, 1_040, 1_041, 4_095, 4_096, 4_097,
        16_384, 16_385, 16_400, 17_425,
    ] {
        for percentile in [0.0, 50.0, 99.9, 100.0] {
            let data = (0..len).flat_map(|index| bytes(Dtype::Float32, noise(index))).collect();
            assert_agree(&format!("{len} at {percentile}"), percentile, &[(Dtype::Float32, data)]);
        }
    }
}

#[test]
fn the_sandbox_agrees_with_native_code_where_the_sample_misleads_or_too_much_is_close() {
    // More keys between the ends of the bracket than are collected, most of them where no sample looks.
    fn close(index: usize) -> f64 {
        1.0 + (index % 4_096) as f64 * 1e-7
    }
    fn late(index: usize) -> f64 {
        if index < 1_000_000 { 2.0 } else { close(index) }
    }
    for (name, value) in [("close", close as Value), ("late", late)] {
        let data = (0..1_300_000).flat_map(|index| bytes(Dtype::Float32, value(index))).collect();
        assert_agree(name, 10.0, &[(Dtype::Float32, data)]);
    }
}
