//! Dxos as they stand in a case file.

use std::path::Path;

use flip_runtime::safetensors::{self, Overrides};
use flip_runtime::{DataKind, Digest, Dtype, Dxo, Json, ReturnCode, Shareable, Tensor};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_saphyr::FlowSeq;

use super::scalar::Scalar;

/// More elements than these are written as a digest.
const MOST_WRITTEN: u64 = 256;

/// The largest tensor that is filled, in bytes.
const MOST_FILLED: u64 = 1 << 30;

/// The meta property that the host writes.
pub const HISTORY: &str = "filter_history";

/// A dxo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DxoSpec {
    /// NVFLARE's name of its kind; WEIGHT_DIFF where there are tensors, METRICS where there are values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its meta properties.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub meta: IndexMap<String, Value>,
    /// Its tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensors: Option<IndexMap<String, TensorSpec>>,
    /// A safetensors file with its tensors, beside the case file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its plain values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
    /// The same as a JSON text, in which Python's NaN and Infinity may stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// A collection's members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<IndexMap<String, DxoSpec>>,
    /// How far a tensor's float may be from what is expected; every bit must be the same without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<f64>,
}

/// A tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TensorSpec {
    /// NumPy's name of its dtype.
    #[serde(default = "float32", skip_serializing_if = "is_float32")]
    pub dtype: String,
    /// The length of each dimension; of one, all values, where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<FlowSeq<Vec<u64>>>,
    /// Its elements, row-major.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<FlowSeq<Vec<Scalar>>>,
    /// Every element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Scalar>,
    /// The digest of its bytes, little-endian: of what is expected, and too large to stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

fn float32() -> String {
    "float32".to_owned()
}

fn is_float32(name: &str) -> bool {
    name == "float32"
}

impl TensorSpec {
    pub fn dtype(&self) -> Result<Dtype, String> {
        Dtype::ALL.into_iter().find(|dtype| dtype.name() == self.dtype).ok_or_else(|| {
            format!(
                "unknown dtype {:?}, expected one of {}",
                self.dtype,
                Dtype::ALL.map(Dtype::name).join(", ")
            )
        })
    }

    pub fn shape(&self) -> Vec<u64> {
        let all = || vec![self.values.as_ref().map_or(0, |values| values.0.len() as u64)];
        self.shape.as_ref().map_or_else(all, |shape| shape.0.clone())
    }

    /// Its tensor.
    pub fn tensor(&self) -> Result<Tensor, String> {
        let (dtype, shape) = (self.dtype()?, self.shape());
        let element = |scalar: &Scalar| {
            scalar.to_bytes(dtype).ok_or_else(|| format!("{scalar} is no element of {dtype}"))
        };
        let bytes = match (&self.values, &self.fill) {
            (Some(values), None) => values.0.iter().map(element).collect::<Result<Vec<_>, _>>()?.concat(),
            (None, Some(fill)) => {
                let size = dtype.size() as u64;
                let bytes = shape.iter().try_fold(size, |bytes, next| bytes.checked_mul(*next));
                let len = bytes.filter(|bytes| *bytes <= MOST_FILLED).map(|bytes| (bytes / size) as usize);
                element(fill)?.repeat(len.ok_or("a tensor of this shape is too large to fill")?)
            }
            _ => return Err("a tensor has either values or fill".to_owned()),
        };
        Tensor::new(dtype, &shape, bytes).map_err(|error| error.to_string())
    }

    fn of(tensor: &Tensor) -> Result<Self, String> {
        let bytes = tensor.to_bytes().map_err(|error| error.to_string())?;
        let dtype = tensor.dtype();
        let (values, sha256) = match tensor.len() <= MOST_WRITTEN {
            true => {
                let elements = bytes.chunks(dtype.size()).filter_map(|bytes| Scalar::of_bytes(bytes, dtype));
                (Some(FlowSeq(elements.collect())), None)
            }
            false => (None, Some(Digest::of(&bytes))),
        };
        let shape = Some(FlowSeq(tensor.shape().to_vec()));
        Ok(Self { dtype: dtype.name().to_owned(), shape, values, fill: None, sha256 })
    }
}

impl DxoSpec {
    /// Its dxo. Files are beside the case file, in `folder`.
    pub fn dxo(&self, folder: &Path) -> Result<Dxo, String> {
        let otherwise = match () {
            () if self.members.is_some() => DataKind::Collection,
            () if self.values.is_some() || self.json.is_some() => DataKind::Metrics,
            () => DataKind::WeightDiff,
        };
        let kind = self.kind.as_deref().map_or(Ok(otherwise), kind)?;
        let mut dxo = match (&self.tensors, &self.file, &self.members) {
            (None, Some(file), None) => {
                let overrides = Overrides { kind: self.kind.as_ref().map(|_| kind), meta: None };
                safetensors::open(&folder.join(file), overrides).map_err(|error| error.to_string())?.dxo
            }
            (Some(tensors), None, None) => {
                let tensors = tensors.iter().map(|(name, spec)| {
                    let tensor = spec.tensor().map_err(|error| format!("tensor {name}: {error}"))?;
                    Ok((name.clone(), tensor))
                });
                let tensors = tensors.collect::<Result<Vec<_>, String>>()?;
                Dxo::of_tensors(kind, tensors)
                    .ok_or_else(|| format!("a dxo of kind {kind} holds no tensors"))?
            }
            (None, None, Some(members)) => {
                let members = members.iter().map(|(name, spec)| Ok((name.clone(), spec.dxo(folder)?)));
                Dxo::of_members(members.collect::<Result<Vec<_>, String>>()?)
            }
            (None, None, None) => Dxo::new(kind),
            _ => return Err("a dxo has tensors, a file or members, and only one of them".to_owned()),
        };
        let values = self.values.as_ref().map(|values| Json::of(values).map_err(|error| error.to_string()));
        let json =
            self.json.as_ref().map(|text| Json::parse(text.as_str()).map_err(|error| error.to_string()));
        if let Some(values) = values.or(json)
            && !dxo.set_values(values?)
        {
            return Err(format!("a dxo of kind {kind} holds no plain values"));
        }
        for (key, value) in &self.meta {
            dxo.set_meta(key, value).map_err(|error| error.to_string())?;
        }
        Ok(dxo)
    }

    /// The same without the meta property that the host writes, and no component.
    pub fn without_history(mut self) -> Self {
        self.meta.shift_remove(HISTORY);
        let members = self.members.map(|members| {
            members.into_iter().map(|(name, member)| (name, member.without_history())).collect()
        });
        Self { members, ..self }
    }

    /// What a dxo looks like in a case file.
    pub fn of(dxo: &Dxo) -> Result<Self, String> {
        let tensors = dxo.tensors().map(|tensors| {
            let tensors = tensors.iter().map(|(name, tensor)| Ok((name.clone(), TensorSpec::of(tensor)?)));
            tensors.collect::<Result<_, String>>()
        });
        let members = dxo.members().map(|members| {
            let members = members.iter().map(|(name, member)| Ok((name.clone(), Self::of(member)?)));
            members.collect::<Result<_, String>>()
        });
        let (values, json) = match dxo.values().map(|values| (values.to().ok(), values.text().to_owned())) {
            None => (None, None),
            Some((Some(values), _)) => (Some(values), None),
            Some((None, text)) => (None, Some(text)),
        };
        Ok(Self {
            kind: Some(dxo.kind().name().to_owned()),
            meta: dxo.meta.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
            tensors: tensors.transpose()?,
            file: None,
            values,
            json,
            members: members.transpose()?,
            within: None,
        })
    }
}

/// A JSON text as a value, or as itself where Python alone reads it.
pub fn plain(json: &Json) -> Value {
    json.to().unwrap_or_else(|_| Value::String(json.text().to_owned()))
}

fn kind(name: &str) -> Result<DataKind, String> {
    let known = || DataKind::ALL.map(DataKind::name).join(", ");
    DataKind::from_name(name).ok_or_else(|| format!("unknown kind {name:?}, expected one of {}", known()))
}

/// A shareable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShareableSpec {
    /// NVFLARE's name of its return code; OK where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its headers.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Value>,
    /// What it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dxo: Option<DxoSpec>,
}

impl ShareableSpec {
    /// Its shareable.
    pub fn shareable(&self, folder: &Path) -> Result<Shareable, String> {
        let code = self.code.as_deref().unwrap_or("OK");
        let headers = self.headers.iter().map(|(key, value)| {
            Json::of(value).map(|value| (key.clone(), value)).map_err(|error| error.to_string())
        });
        Ok(Shareable {
            return_code: ReturnCode::from_name(code)
                .ok_or_else(|| format!("unknown return code {code:?}"))?,
            headers: headers.collect::<Result<_, _>>()?,
            dxo: self.dxo.as_ref().map(|dxo| dxo.dxo(folder)).transpose()?,
        })
    }

    /// What a shareable looks like in a case file.
    pub fn of(shareable: &Shareable) -> Result<Self, String> {
        Ok(Self {
            code: Some(shareable.return_code.name().to_owned()),
            headers: shareable.headers.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
            dxo: shareable.dxo.as_ref().map(DxoSpec::of).transpose()?,
        })
    }
}
