//! Any mixture of tensors, in odd windows, against a plain implementation that sorts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::convert::Infallible;

use half::{bf16, f16};
use proptest::prelude::*;
use truncation::{
    Dtype, Outcome, Refusal, Report, Settings, Step, Task, Tensor, Truncation, Unchanged, truncate,
};

/// A tensor that is shown in windows of a few elements.
#[derive(Clone, Debug)]
struct Cut {
    dtype: Dtype,
    scalar: bool,
    bytes: Vec<u8>,
    window: usize,
}

impl Tensor for Cut {
    type Error = Infallible;

    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn is_scalar(&self) -> bool {
        self.scalar
    }
    fn len(&self) -> u64 {
        (self.bytes.len() / self.dtype.size()) as u64
    }
    fn read(&mut self, start: u64, count: u32, visit: &mut dyn FnMut(&[u8])) -> Result<(), Infallible> {
        let start = start as usize * self.dtype.size();
        let end = self.bytes.len().min(start + count as usize * self.dtype.size());
        visit(&self.bytes[start..end]);
        Ok(())
    }
    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Infallible> {
        self.bytes.chunks(self.window * self.dtype.size()).for_each(visit);
        Ok(())
    }
    fn map(&mut self, visit: &mut dyn FnMut(&mut [u8])) -> Result<(), Infallible> {
        self.bytes.chunks_mut(self.window * self.dtype.size()).for_each(visit);
        Ok(())
    }
    fn convert(&mut self, to: Dtype, visit: &mut dyn FnMut(&[u8], &mut Vec<u8>)) -> Result<(), Infallible> {
        let mut all = Vec::new();
        for window in self.bytes.chunks(self.window * self.dtype.size()) {
            let mut converted = Vec::new();
            visit(window, &mut converted);
            all.extend(converted);
        }
        self.bytes = all;
        self.dtype = to;
        Ok(())
    }
}

fn value(dtype: Dtype, bytes: &[u8]) -> f64 {
    macro_rules! read {
        ($type:ty) => {
            <$type>::from_le_bytes(bytes.try_into().unwrap())
        };
    }
    match dtype {
        Dtype::Bool => f64::from(u8::from(bytes[0] != 0)),
        Dtype::Int8 => f64::from(read!(i8)),
        Dtype::Uint8 => f64::from(read!(u8)),
        Dtype::Int16 => f64::from(read!(i16)),
        Dtype::Uint16 => f64::from(read!(u16)),
        Dtype::Int32 => f64::from(read!(i32)),
        Dtype::Uint32 => f64::from(read!(u32)),
        Dtype::Int64 => read!(i64) as f64,
        Dtype::Uint64 => read!(u64) as f64,
        Dtype::Float16 => read!(f16).to_f64(),
        Dtype::Bfloat16 => read!(bf16).to_f64(),
        Dtype::Float32 => f64::from(read!(f32)),
        Dtype::Float64 => read!(f64),
    }
}

/// The nearest number of the type. Twice rounded, but an operation in f64 leaves room enough for that.
fn round(dtype: Dtype, number: f64) -> f64 {
    match dtype {
        Dtype::Float16 => f16::from_f32(number as f32).to_f64(),
        Dtype::Float32 => f64::from(number as f32),
        _ => number,
    }
}

fn values(tensor: &Cut) -> Vec<f64> {
    tensor.bytes.chunks(tensor.dtype.size()).map(|bytes| value(tensor.dtype, bytes)).collect()
}

/// The results as f64, and the cutoff.
fn plain(tensors: &[Cut], settings: &Settings) -> (Vec<Vec<f64>>, f64) {
    let quotients: Vec<Vec<f64>> = tensors
        .iter()
        .map(|tensor| {
            let dtype = tensor.dtype.output();
            let steps = round(dtype, settings.steps);
            values(tensor).iter().map(|x| round(dtype, x / steps)).collect()
        })
        .collect();
    let widest = tensors.iter().map(|t| t.dtype.output()).max_by_key(|dtype| dtype.size()).unwrap();
    let mut magnitudes: Vec<f64> = quotients.iter().flatten().map(|x| x.abs()).collect();
    magnitudes.sort_by(f64::total_cmp);

    let last = magnitudes.len() - 1;
    let index = last as f64 * (settings.percentile / 100.0);
    let (a, b, t) = if index >= last as f64 {
        (magnitudes[last], magnitudes[last], index + 1.0)
    } else {
        (magnitudes[index as usize], magnitudes[index as usize + 1], index.fract())
    };
    let r = |number| round(widest, number);
    let cutoff = if magnitudes[last].is_nan() {
        f64::NAN
    } else if t >= 0.5 {
        r(b - r(r(b - a) * r(1.0 - t)))
    } else {
        r(a + r(r(b - a) * r(t)))
    };

    let results = tensors.iter().zip(quotients).map(|(tensor, quotients)| {
        let dtype = tensor.dtype.output();
        let (steps, gamma) = (round(dtype, settings.steps), round(dtype, settings.gamma));
        let shared = |x: f64| {
            if tensor.scalar || x.is_nan() {
                x
            } else if -cutoff < x && x < cutoff {
                0.0
            } else if x.abs() > gamma {
                gamma.copysign(x)
            } else {
                x
            }
        };
        quotients.into_iter().map(|x| round(dtype, shared(x) * steps)).collect()
    });
    (results.collect(), cutoff)
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn dtypes() -> impl Strategy<Value = Dtype> {
    use Dtype::*;
    prop::sample::select(vec![
        Bool, Int8, Uint8, Int16, Uint16, Int32, Uint32, Int64, Uint64, Float16, Bfloat16, Float32, Float64,
    ])
}

/// Elements of which many are equal, tiny, infinite or, where `nan`, no number.
fn elements(dtype: Dtype, nan: bool) -> impl Strategy<Value = Vec<u8>> {
    let size = dtype.size();
    let plain = prop::collection::vec(any::<u8>(), size);
    let small = (0..3u8, any::<bool>()).prop_map(move |(low, negative)| {
        let mut bytes = vec![0; size];
        bytes[0] = low;
        bytes[size - 1] |= u8::from(negative) << 7;
        bytes
    });
    let float = move |number: f64| match dtype {
        Dtype::Float16 => f16::from_f64(number).to_le_bytes().to_vec(),
        Dtype::Bfloat16 => bf16::from_f64(number).to_le_bytes().to_vec(),
        Dtype::Float32 => (number as f32).to_le_bytes().to_vec(),
        Dtype::Float64 => number.to_le_bytes().to_vec(),
        _ => vec![1; size],
    };
    let usual = (-3.0..3.0f64).prop_map(float);
    let odd = prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 1.0]).prop_map(float);
    let element = prop_oneof![plain, small, usual, odd]
        .prop_filter("NaN", move |bytes| nan || !value(dtype, bytes).is_nan());
    prop_oneof![
        9 => prop::collection::vec(element.clone(), 0..40).prop_map(|all| all.concat()),
        1 => (element, 1..9usize).prop_map(|(one, n)| one.repeat(n)),
    ]
}

fn tensors() -> impl Strategy<Value = Vec<Cut>> {
    let dtypes = prop_oneof![
        prop::collection::vec(dtypes(), 1..5),
        (dtypes(), 1..4usize).prop_map(|(dtype, n)| vec![dtype; n]),
    ];
    (dtypes, prop::bool::weighted(0.1)).prop_flat_map(|(dtypes, nan)| {
        let tensors = dtypes.into_iter().map(move |dtype| {
            (elements(dtype, nan), prop::bool::weighted(0.2), 1..12usize).prop_map(
                move |(mut bytes, scalar, window)| {
                    let scalar = scalar && !bytes.is_empty();
                    if scalar {
                        bytes.truncate(dtype.size());
                    }
                    Cut { dtype, scalar, bytes, window }
                },
            )
        });
        tensors.collect::<Vec<_>>()
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let percentile = prop_oneof![0.0..=100.0, Just(0.0), Just(50.0), Just(100.0)];
    let gamma = prop_oneof![1e-3..3.0f32, Just(f32::MIN_POSITIVE), Just(f32::INFINITY)];
    let steps = prop_oneof![
        prop::sample::select(vec![1.0f32, 2.0, 64.0, 0.5, 3.0, 7.0, 49.0, 1e5, 1e-9]),
        0.1f32..100.0
    ];
    (percentile, gamma, steps).prop_map(|(percentile, gamma, steps)| Settings {
        percentile,
        gamma: f64::from(gamma),
        steps: f64::from(steps),
    })
}

/// Tensors in pieces of so many elements, each a part; one without dimensions stays whole.
fn pieces(tensors: &[Cut], size: usize) -> Vec<Vec<Cut>> {
    let pieces = tensors.iter().flat_map(|tensor| {
        let step = if tensor.scalar { tensor.bytes.len() } else { size * tensor.dtype.size() };
        let piece = |bytes: &[u8]| vec![Cut { bytes: bytes.to_vec(), ..tensor.clone() }];
        tensor.bytes.chunks(step.max(1)).map(piece).collect::<Vec<_>>()
    });
    pieces.collect()
}

/// Truncates parts in steps, whose tasks and reports go from one to another as bytes, last part first.
fn by_steps(tensors: &[Cut], parts: &mut [Vec<Cut>], settings: &Settings, room: usize) -> Outcome {
    let profiles: Vec<_> = tensors.iter().map(Tensor::profile).collect();
    let mut truncation = Truncation::new(&profiles, settings);
    loop {
        let task = match truncation.next() {
            Step::Observe(task) | Step::Apply(task) => task.to_bytes().unwrap(),
            Step::Done(outcome) => return outcome,
        };
        for part in parts.iter_mut().rev() {
            let report = Task::from_bytes(&task).unwrap().run(part, room).unwrap().to_bytes().unwrap();
            truncation.take(Report::from_bytes(&report).unwrap());
        }
    }
}

#[test]
fn bytes_of_something_else_are_no_task_and_no_report() {
    for bytes in [&[][..], &[9], &[0xff; 40]] {
        assert!(Task::from_bytes(bytes).is_err() && Report::from_bytes(bytes).is_err());
    }
    // A report of another step makes it a refusal, not a truncation at a wrong cutoff.
    let cut = Cut { dtype: Dtype::Float32, scalar: false, bytes: vec![1; 8], window: 1 };
    let settings = Settings { percentile: 50.0, gamma: 1.0, steps: 1.0 };
    let mut truncation = Truncation::new(&[cut.profile()], &settings);
    let Step::Observe(_) = truncation.next() else { panic!("nothing was observed") };
    let mut another = Truncation::new(&[Cut { dtype: Dtype::Float64, ..cut.clone() }.profile()], &settings);
    let Step::Observe(task) = another.next() else { panic!("nothing was observed") };
    truncation.take(task.run(&mut [Cut { dtype: Dtype::Float64, ..cut }], 8).unwrap());
    assert!(matches!(truncation.next(), Step::Done(Outcome::Refused(Refusal::Changed))));
}

/// Mostly enough. Where it is not, each part tells how often each of 65 536 keys comes.
fn room() -> impl Strategy<Value = usize> {
    prop_oneof![1 => 0..8usize, 9 => Just(1000usize)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn in_parts_it_is_the_same(original in tensors(), settings in settings(), size in 3..40usize, room in room()) {
        let mut whole = original.clone();
        let expected = truncate(&mut whole, &settings).unwrap();
        let mut parts = pieces(&original, size);
        let outcome = by_steps(&original, &mut parts, &settings, room);
        // NaN is not equal to itself.
        prop_assert_eq!(format!("{outcome:?}"), format!("{expected:?}"));
        let joined: Vec<u8> = parts.into_iter().flatten().flat_map(|tensor| tensor.bytes).collect();
        prop_assert_eq!(joined, whole.into_iter().flat_map(|tensor| tensor.bytes).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_the_plain_way(original in tensors(), settings in settings()) {
        let mut tensors = original.clone();
        let outcome = truncate(&mut tensors, &settings).unwrap();
        if original.iter().all(Tensor::is_empty) {
            prop_assert_eq!(outcome, Outcome::Unchanged(Unchanged::NoElements));
            return Ok(());
        }
        let (wanted, cutoff) = plain(&original, &settings);
        let Outcome::Truncated(truncated) = outcome else {
            return Err(TestCaseError::fail("not truncated"));
        };
        prop_assert!(same(truncated.cutoff, cutoff), "{} {}", truncated.cutoff, cutoff);
        for ((tensor, original), wanted) in tensors.iter().zip(&original).zip(wanted) {
            prop_assert_eq!(tensor.dtype, original.dtype.output());
            let values = values(tensor);
            prop_assert_eq!(values.len(), wanted.len());
            for (&value, wanted) in values.iter().zip(wanted) {
                prop_assert!(same(value, wanted), "{:?}: {} {}", original.dtype, value, wanted);
            }
        }
    }
}

#[test]
fn large_tensors_agree_too() {
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    for dtype in [Dtype::Float16, Dtype::Float32, Dtype::Float64] {
        let bytes = (0..150_000).flat_map(|_| match dtype {
            Dtype::Float16 => f16::from_f64(random()).to_le_bytes().to_vec(),
            Dtype::Float32 => (random() as f32).to_le_bytes().to_vec(),
            _ => random().to_le_bytes().to_vec(),
        });
        let original = vec![Cut { dtype, scalar: false, bytes: bytes.collect(), window: 7777 }];
        for steps in [1.0, 7.0] {
            let mut tensors = original.clone();
            let settings = Settings { percentile: 90.0, gamma: 0.48 / steps, steps };
            truncate(&mut tensors, &settings).unwrap();
            let (wanted, _) = plain(&original, &settings);
            assert!(values(&tensors[0]) == wanted[0], "{dtype:?}, {steps} steps");
        }
    }
}

#[test]
fn settings_without_sense_are_refused_before_anything_is_written() {
    let tensor = Cut { dtype: Dtype::Float32, scalar: false, bytes: vec![1; 40], window: 3 };
    let good = Settings { percentile: 10.0, gamma: 0.01, steps: 1.0 };
    let refused = [
        Settings { gamma: 0.0, ..good },
        Settings { gamma: f64::NAN, ..good },
        Settings { percentile: -1.0, ..good },
        Settings { percentile: 100.5, ..good },
        Settings { percentile: f64::NAN, ..good },
        Settings { steps: 0.0, ..good },
        Settings { steps: -3.0, ..good },
        Settings { steps: f64::INFINITY, ..good },
        Settings { steps: f64::NAN, ..good },
    ];
    for settings in refused {
        let mut tensors = [tensor.clone()];
        assert!(matches!(truncate(&mut tensors, &settings), Ok(Outcome::Refused(_))), "{settings:?}");
        assert_eq!(tensors[0].bytes, tensor.bytes);
    }
    let outcome = truncate::<Cut>(&mut [], &Settings { gamma: -1.0, ..good });
    assert_eq!(outcome, Ok(Outcome::Refused(Refusal::Gamma(-1.0))));
    assert_eq!(truncate::<Cut>(&mut [], &good), Ok(Outcome::Unchanged(Unchanged::NoTensors)));
}
