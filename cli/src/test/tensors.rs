//! A dxo, held against what is expected, tensor by tensor.

use std::path::Path;

use flip_runtime::{Digest, Dtype, Dxo, Tensor};
use indexmap::IndexMap;
use serde_saphyr::FlowSeq;

use super::compare::not_same;
use super::data::{DxoSpec, HISTORY, TensorSpec, plain};
use super::scalar::Scalar;

/// The differences of a dxo; each begins with `at`.
pub fn of_dxo(at: &str, expected: &DxoSpec, actual: &Dxo, folder: &Path) -> Result<Vec<String>, String> {
    let wanted = without_digests(expected).dxo(folder)?;
    let mut found = not_same(&format!("{at}the kind"), &wanted.kind().name(), &actual.kind().name());
    let meta = |dxo: &Dxo| -> IndexMap<String, serde_json::Value> {
        let properties =
            dxo.meta.iter().filter(|(key, _)| expected.meta.contains_key(HISTORY) || *key != HISTORY);
        properties.map(|(key, value)| (key.clone(), plain(value))).collect()
    };
    found.extend(not_same(&format!("{at}the meta properties"), &meta(&wanted), &meta(actual)));
    found.extend(not_same(
        &format!("{at}the values"),
        &wanted.values().map(plain),
        &actual.values().map(plain),
    ));
    let (none, empty) = (IndexMap::new(), IndexMap::new());
    let (tensors, others) = (wanted.tensors().unwrap_or(&none), actual.tensors().unwrap_or(&empty));
    let names = |tensors: &IndexMap<String, Tensor>| tensors.keys().cloned().collect::<Vec<_>>();
    found.extend(not_same(&format!("{at}the names of the tensors"), &names(tensors), &names(others)));
    for (name, other) in others {
        let spec = expected.tensors.as_ref().and_then(|tensors| tensors.get(name));
        let difference = match (spec, tensors.get(name)) {
            (Some(spec @ TensorSpec { sha256: Some(digest), .. }), _) => {
                let bytes = other.to_bytes().map_err(|error| error.to_string())?;
                let (dtype, shape) = (spec.dtype()?, spec.shape());
                let same = Digest::of(&bytes) == *digest;
                match (dtype, &*shape) == (other.dtype(), other.shape()) {
                    false => Some(types(dtype, &shape, other)),
                    true => (!same).then(|| "it has another digest".to_owned()),
                }
            }
            (_, Some(tensor)) => of_tensor(tensor, other, expected.within)?,
            _ => None,
        };
        found.extend(difference.map(|difference| format!("{at}tensor {name}: {difference}")));
    }
    let members = expected.members.iter().flatten();
    for (name, spec) in members {
        if let Some(member) = actual.members().and_then(|members| members.get(name)) {
            found.extend(of_dxo(&format!("{at}member {name}: "), spec, member, folder)?);
        }
    }
    let names = |members: Vec<&String>| members.into_iter().cloned().collect::<Vec<_>>();
    let members = [wanted.members(), actual.members()]
        .map(|members| names(members.into_iter().flatten().map(|(name, _)| name).collect()));
    let [wanted, actual] = members;
    found.extend(not_same(&format!("{at}the names of the members"), &wanted, &actual));
    Ok(found)
}

/// Tensors of which only the digest is known hold nothing to compare.
fn without_digests(spec: &DxoSpec) -> DxoSpec {
    let mut spec = spec.clone();
    for tensor in spec.tensors.iter_mut().flatten().map(|(_, tensor)| tensor) {
        if tensor.sha256.is_some() {
            *tensor =
                TensorSpec { shape: None, values: Some(FlowSeq(Vec::new())), sha256: None, ..tensor.clone() };
        }
    }
    for member in spec.members.iter_mut().flatten().map(|(_, member)| member) {
        *member = without_digests(member);
    }
    spec
}

fn types(dtype: Dtype, shape: &[u64], actual: &Tensor) -> String {
    format!("it is {} {:?}, not {dtype} {shape:?}", actual.dtype(), actual.shape())
}

fn of_tensor(expected: &Tensor, actual: &Tensor, within: Option<f64>) -> Result<Option<String>, String> {
    let dtype = expected.dtype();
    if (dtype, expected.shape()) != (actual.dtype(), actual.shape()) {
        return Ok(Some(types(dtype, expected.shape(), actual)));
    }
    let bytes = |tensor: &Tensor| tensor.to_bytes().map_err(|error| error.to_string());
    let (wanted, got) = (bytes(expected)?, bytes(actual)?);
    let (mut count, mut first, mut largest) = (0_u64, None, 0.0_f64);
    for (index, (wanted, got)) in wanted.chunks(dtype.size()).zip(got.chunks(dtype.size())).enumerate() {
        if wanted == got {
            continue;
        }
        let (wanted, got) = (Scalar::of_bytes(wanted, dtype), Scalar::of_bytes(got, dtype));
        let distance = wanted.zip(got).and_then(|(one, other)| Some((one.float()? - other.float()?).abs()));
        if within.zip(distance).is_some_and(|(within, distance)| distance <= within) {
            continue;
        }
        count += 1;
        largest = largest.max(distance.unwrap_or(f64::NAN));
        first = first.or(Some((index, wanted, got)));
    }
    let Some((index, wanted, got)) = first else { return Ok(None) };
    let value = |scalar: Option<Scalar>| scalar.map_or_else(String::new, |scalar| scalar.to_string());
    Ok(Some(format!(
        "{count} of {} elements differ; the first at {:?}: {} and not {}; the largest difference is {largest:?}",
        expected.len(),
        position(index as u64, expected.shape()),
        value(got),
        value(wanted),
    )))
}

/// The indices of an element, dimension by dimension.
fn position(mut index: u64, shape: &[u64]) -> Vec<u64> {
    let mut indices: Vec<_> = shape
        .iter()
        .rev()
        .map(|length| {
            let here = index % (*length).max(1);
            index /= (*length).max(1);
            here
        })
        .collect();
    indices.reverse();
    indices
}
