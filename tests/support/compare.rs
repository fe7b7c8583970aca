//! Comparisons of dxos, bit for bit.

use flip_runtime::{Dxo, Tensor};

/// Stops the test where the two do not have the same tensors: names, order, dtypes, shapes and bits.
///
/// # Panics
///
/// With the first [`difference`].
#[track_caller]
pub fn assert_same(actual: &Dxo, expected: &Dxo) {
    if let Some(difference) = difference(actual, expected) {
        panic!("{difference}");
    }
}

/// The first difference between the tensors of the two, for someone to read.
pub fn difference(actual: &Dxo, expected: &Dxo) -> Option<String> {
    let (actual, expected) = (actual.tensors()?, expected.tensors()?);
    let names: (Vec<_>, Vec<_>) = (actual.keys().collect(), expected.keys().collect());
    if names.0 != names.1 {
        return Some(format!("the tensors are {:?}, not {:?}", names.0, names.1));
    }
    expected.iter().find_map(|(name, expected)| {
        tensor_difference(&actual[name], expected).map(|difference| format!("tensor {name:?}: {difference}"))
    })
}

fn tensor_difference(actual: &Tensor, expected: &Tensor) -> Option<String> {
    let types = ((actual.dtype(), actual.shape()), (expected.dtype(), expected.shape()));
    if types.0 != types.1 {
        return Some(format!("{:?}, not {:?}", types.0, types.1));
    }
    let (actual, wanted) = (actual.to_bytes().unwrap(), expected.to_bytes().unwrap());
    let size = expected.dtype().size();
    let mut pairs = actual.chunks(size).zip(wanted.chunks(size)).enumerate();
    let (index, (actual, wanted)) = pairs.find(|(_, (actual, wanted))| actual != wanted)?;
    Some(format!("element {index} is {}, not {}", shown(actual), shown(wanted)))
}

/// An element's bits, and its value where it is a float.
fn shown(element: &[u8]) -> String {
    let bits: String = element.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    match element.len() {
        4 => format!("{:e} (0x{bits})", f32::from_le_bytes(element.try_into().unwrap())),
        8 => format!("{:e} (0x{bits})", f64::from_le_bytes(element.try_into().unwrap())),
        _ => format!("0x{bits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{float32, update};

    #[test]
    fn a_difference_is_told_by_name_index_and_both_values() {
        let mut other = update();
        other.tensors_mut().unwrap()["b"] = float32(&[2], &[0.25, -8.0]);
        let difference = difference(&other, &update()).unwrap();
        assert_eq!(difference, "tensor \"b\": element 1 is -8e0 (0xc1000000), not 8e0 (0x41000000)");
    }

    #[test]
    fn zeroes_of_different_sign_differ() {
        let mut other = update();
        other.tensors_mut().unwrap()["b"] = float32(&[2], &[0.0, 8.0]);
        let mut negative = update();
        negative.tensors_mut().unwrap()["b"] = float32(&[2], &[-0.0, 8.0]);
        assert!(difference(&other, &negative).is_some());
        assert!(difference(&other, &other).is_none());
    }

    #[test]
    fn another_order_is_a_difference() {
        let mut other = update();
        other.tensors_mut().unwrap().reverse();
        assert_eq!(difference(&other, &update()).unwrap(), r#"the tensors are ["b", "a"], not ["a", "b"]"#);
    }
}
