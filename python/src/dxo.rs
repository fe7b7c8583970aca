//! Python's data exchange objects as the runtime's, and back. Whatever has the attributes `data_kind`, `data`
//! and `meta` will do, NVFLARE's own `DXO` among them.

use flip_runtime::{DataKind, Dxo, Json, MAX_DEPTH, ReturnCode, Shareable};
use indexmap::IndexMap;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMapping};

use crate::array::{array_of, tensor_of};
use crate::json::{from_json, to_json};

/// A class of `flip_wasm.exchange`.
pub fn exchange<'py>(py: Python<'py>, class: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || Ok::<_, PyErr>(py.import("flip_wasm.exchange")?.unbind()))?;
    module.bind(py).getattr(class)
}

/// The entries of a mapping whose keys are strings and whose values have a JSON form.
pub fn plain_entries(mapping: &Bound<'_, PyAny>) -> PyResult<IndexMap<String, Json>> {
    let mut entries = IndexMap::new();
    for item in mapping.cast::<PyMapping>()?.items()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        if let (Ok(key), Some(json)) = (key.extract(), to_json(&value)?) {
            entries.insert(key, json);
        }
    }
    Ok(entries)
}

/// A dxo; its arrays are shared, not copied.
pub fn dxo_of(object: &Bound<'_, PyAny>) -> PyResult<Dxo> {
    dxo_at(object, 1)
}

fn dxo_at(object: &Bound<'_, PyAny>, depth: usize) -> PyResult<Dxo> {
    if depth > MAX_DEPTH {
        return Err(PyValueError::new_err(format!("collections nest deeper than {MAX_DEPTH}")));
    }
    let kind: String = object.getattr("data_kind")?.extract()?;
    let kind = DataKind::from_name(&kind)
        .ok_or_else(|| PyValueError::new_err(format!("the data kind {kind:?} is none of NVFLARE's")))?;
    let data = object.getattr("data")?;
    let mut dxo = Dxo::new(kind);
    match kind {
        DataKind::Weights | DataKind::WeightDiff => {
            for (name, value) in named(&data)? {
                let tensor = tensor_of(&name, &value)?;
                dxo.tensors_mut().map(|tensors| tensors.insert(name, tensor));
            }
        }
        DataKind::Collection => {
            let members = named(&data)?.into_iter();
            let members = members.map(|(name, member)| Ok((name, dxo_at(&member, depth + 1)?)));
            dxo = Dxo::of_members(members.collect::<PyResult<Vec<_>>>()?);
        }
        _ => {
            let values = to_json(&data)?
                .ok_or_else(|| PyTypeError::new_err(format!("the data of kind {kind} has no JSON form")))?;
            dxo.set_values(values);
        }
    }
    let meta = object.getattr("meta")?;
    if !meta.is_none() {
        dxo.meta = plain_entries(&meta)?;
    }
    Ok(dxo)
}

type Named<'py> = Vec<(String, Bound<'py, PyAny>)>;

fn named<'py>(data: &Bound<'py, PyAny>) -> PyResult<Named<'py>> {
    if data.is_none() {
        return Ok(Vec::new());
    }
    let items =
        data.cast::<PyMapping>().map_err(|_| PyTypeError::new_err("the data is no mapping"))?.items()?;
    let names = items.iter().map(|item| {
        item.extract().map_err(|_| PyTypeError::new_err("the names of tensors and members are strings"))
    });
    names.collect()
}

/// A dxo, and the Python object that it came from.
pub struct Given<'a, 'py> {
    /// The object.
    pub object: &'a Bound<'py, PyAny>,
    /// What [`dxo_of`] made of it.
    pub dxo: &'a Dxo,
}

/// A dxo as a `flip_wasm.DXO`. What the component left as it was is the very object that was given.
pub fn object_of<'py>(
    py: Python<'py>,
    mut dxo: Dxo,
    given: Option<&Given<'_, 'py>>,
) -> PyResult<Bound<'py, PyAny>> {
    let kind = dxo.kind();
    let (given_data, given_meta) = match given {
        Some(given) => (Some(given.object.getattr("data")?), Some(given.object.getattr("meta")?)),
        None => (None, None),
    };
    let given_item = |name: &str| given_data.as_ref().map(|data| data.get_item(name)).transpose();
    let meta = meta_of(py, &dxo, given_meta.as_ref(), given.map(|given| given.dxo))?;
    let data = if let Some(tensors) = dxo.tensors_mut() {
        let data = PyDict::new(py);
        for (name, tensor) in std::mem::take(tensors) {
            let before = given.and_then(|given| given.dxo.tensors()?.get(&name));
            let same = before.is_some_and(|before| tensor.is_unchanged_from(before));
            match (same, given_item(&name)) {
                (true, Ok(Some(object))) => data.set_item(&name, object)?,
                _ => data.set_item(&name, array_of(py, tensor)?)?,
            }
        }
        data.into_any()
    } else if let Some(members) = dxo.members() {
        let data = PyDict::new(py);
        for (name, member) in members {
            let object = given_item(name).ok().flatten();
            let before = given.and_then(|given| given.dxo.members()?.get(name));
            let given = object.as_ref().zip(before).map(|(object, dxo)| Given { object, dxo });
            data.set_item(name, object_of(py, member.clone(), given.as_ref())?)?;
        }
        data.into_any()
    } else {
        let values = dxo.values();
        let before = given.and_then(|given| given.dxo.values());
        match (values, before.map(Json::text) == values.map(Json::text), &given_data) {
            (_, true, Some(data)) => data.clone(),
            (Some(values), ..) => from_json(py, values)?,
            (None, ..) => py.None().into_bound(py),
        }
    };
    exchange(py, "DXO")?.call1((kind.name(), data, meta))
}

/// The meta properties: those that the component could not see, those that it left, and what it set.
fn meta_of<'py>(
    py: Python<'py>,
    dxo: &Dxo,
    given_meta: Option<&Bound<'py, PyAny>>,
    given: Option<&Dxo>,
) -> PyResult<Bound<'py, PyDict>> {
    let meta = PyDict::new(py);
    if let (Some(given_meta), Some(given)) = (given_meta.filter(|meta| !meta.is_none()), given) {
        for item in given_meta.cast::<PyMapping>()?.items()? {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            let name = key.extract::<String>().ok().filter(|name| given.meta.contains_key(name));
            let left = name
                .as_ref()
                .map(|name| dxo.meta.get(name).map(Json::text) == given.meta.get(name).map(Json::text));
            if left.unwrap_or(true) {
                meta.set_item(key, value)?;
            }
        }
    }
    for (name, value) in &dxo.meta {
        if !meta.contains(name)? {
            meta.set_item(name, from_json(py, value)?)?;
        }
    }
    Ok(meta)
}

/// Whatever has the attributes `return_code`, `headers` and `dxo`; a dxo alone; or nothing.
pub fn shareable_of(object: &Bound<'_, PyAny>) -> PyResult<Shareable> {
    let empty = || Shareable { return_code: ReturnCode::Ok, headers: IndexMap::new(), dxo: None };
    if object.is_none() {
        return Ok(empty());
    }
    if object.hasattr("data_kind")? {
        return Ok(Shareable::ok(dxo_of(object)?));
    }
    let code: String = object.getattr("return_code")?.extract()?;
    let code = ReturnCode::from_name(&code)
        .ok_or_else(|| PyValueError::new_err(format!("the return code {code:?} is none of NVFLARE's")))?;
    let dxo = object.getattr("dxo")?;
    Ok(Shareable {
        return_code: code,
        headers: plain_entries(&object.getattr("headers")?)?,
        dxo: if dxo.is_none() { None } else { Some(dxo_of(&dxo)?) },
    })
}

/// A shareable as a `flip_wasm.Shareable`.
pub fn shareable_object(py: Python<'_>, shareable: Shareable) -> PyResult<Bound<'_, PyAny>> {
    let headers = PyDict::new(py);
    for (name, value) in &shareable.headers {
        headers.set_item(name, from_json(py, value)?)?;
    }
    let dxo = shareable.dxo.map(|dxo| object_of(py, dxo, None)).transpose()?;
    exchange(py, "Shareable")?.call1((shareable.return_code.name(), headers, dxo))
}
