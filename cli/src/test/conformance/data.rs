//! Generated data: the same on every machine.

use flip_runtime::Dtype;
use indexmap::IndexMap;
use serde_saphyr::FlowSeq;

use crate::test::data::{DxoSpec, TensorSpec};
use crate::test::scalar::Scalar;

/// Numbers that look like an update: small ones of both signs, a few large.
struct Numbers(u64);

impl Numbers {
    /// Knuth's linear congruential generator; the upper bits.
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    fn small(&mut self) -> f64 {
        let size = f64::from(self.next() % 10_000) / 10_000.0;
        let sign = if self.next().is_multiple_of(2) { 1.0 } else { -1.0 };
        // Cubed: most are near zero, as in an update.
        sign * size.powi(3)
    }

    fn of(&mut self, dtype: Dtype) -> Scalar {
        match dtype {
            Dtype::Bool => Scalar::Bool(self.next().is_multiple_of(2)),
            Dtype::Float16 | Dtype::Bfloat16 | Dtype::Float32 | Dtype::Float64 => Scalar::Float(self.small()),
            _ => Scalar::Int((self.next() % 100).into()),
        }
    }
}

fn tensor(numbers: &mut Numbers, dtype: Dtype, shape: &[u64]) -> TensorSpec {
    let len: u64 = shape.iter().product();
    TensorSpec {
        dtype: dtype.name().to_owned(),
        shape: Some(FlowSeq(shape.to_vec())),
        values: Some(FlowSeq((0..len).map(|_| numbers.of(dtype)).collect())),
        fill: None,
        sha256: None,
    }
}

fn update(kind: &str, tensors: impl IntoIterator<Item = (String, TensorSpec)>) -> DxoSpec {
    DxoSpec {
        kind: Some(kind.to_owned()),
        meta: IndexMap::from([("NUM_STEPS_CURRENT_ROUND".to_owned(), 4.into())]),
        tensors: Some(tensors.into_iter().collect()),
        ..DxoSpec::default()
    }
}

/// A model's update: layers of float32.
pub fn plain(kind: &str, seed: u64) -> DxoSpec {
    let mut numbers = Numbers(seed);
    let shapes: [(&str, &[u64]); 4] = [
        ("layer.0.weight", &[64, 33]),
        ("layer.0.bias", &[33]),
        ("layer.1.weight", &[5, 7, 3]),
        ("head", &[1]),
    ];
    update(kind, shapes.map(|(name, shape)| (name.to_owned(), tensor(&mut numbers, Dtype::Float32, shape))))
}

/// One of a single tensor of so many elements, all alike.
pub fn large(kind: &str, elements: u64) -> DxoSpec {
    let fill = TensorSpec {
        dtype: Dtype::Float32.name().to_owned(),
        shape: Some(FlowSeq(vec![elements])),
        values: None,
        fill: Some(Scalar::Float(0.5)),
        sha256: None,
    };
    update(kind, [("large".to_owned(), fill)])
}

/// Each with the reason that it may be awkward.
pub fn odd(kind: &str) -> Vec<(&'static str, DxoSpec)> {
    let mut numbers = Numbers(9);
    let of = |values: Vec<Scalar>| TensorSpec {
        dtype: Dtype::Float32.name().to_owned(),
        shape: Some(FlowSeq(vec![values.len() as u64])),
        values: Some(FlowSeq(values)),
        fill: None,
        sha256: None,
    };
    let float = |value: f64| of(vec![Scalar::Float(value), Scalar::Float(0.25), Scalar::Float(-1.0)]);
    let named = |name: &str, tensor: TensorSpec| update(kind, [(name.to_owned(), tensor)]);
    let all_dtypes = Dtype::ALL.map(|dtype| (dtype.name().to_owned(), tensor(&mut numbers, dtype, &[2, 3])));
    let many = (0..2_000).map(|number| (format!("t{number}"), tensor(&mut numbers, Dtype::Float32, &[2])));
    let many = update(kind, many.collect::<Vec<_>>());
    vec![
        ("no tensors", update(kind, [])),
        ("every dtype", update(kind, all_dtypes)),
        ("a scalar", named("a", tensor(&mut numbers, Dtype::Float32, &[]))),
        ("no elements", named("a", tensor(&mut numbers, Dtype::Float32, &[0]))),
        ("no elements in 3 dimensions", named("a", tensor(&mut numbers, Dtype::Float32, &[4, 0, 2]))),
        ("NaN", named("a", float(f64::NAN))),
        ("infinity", named("a", float(f64::INFINITY))),
        ("zeroes", named("a", of(vec![Scalar::Float(0.0); 9]))),
        ("a negative zero", named("a", of(vec![Scalar::Float(-0.0)]))),
        ("the largest number", named("a", float(f64::from(f32::MAX)))),
        ("the smallest number", named("a", float(1e-45))),
        ("an empty name", named("", float(1.0))),
        ("an odd name", named("ä/..\u{202e}\u{7f} \"x\"", float(1.0))),
        ("two thousand tensors", many),
    ]
}
