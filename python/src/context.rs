//! A Python object as the context of a call, read by the attributes of `flip_wasm.Context`.

use std::sync::Arc;

use flip_runtime::{FlContext, ReturnCode, Shareable};
use indexmap::IndexMap;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::dxo::{plain_entries, shareable_of};

/// The context; an empty one for `None`.
pub fn context_of(object: Option<&Bound<'_, PyAny>>) -> PyResult<Arc<FlContext>> {
    let Some(object) = object else { return Ok(Arc::default()) };
    let mut shareables = IndexMap::new();
    for item in object.getattr("shareables")?.cast::<PyMapping>()?.items()? {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        // What a component cannot be shown is no reason to keep the rest from it.
        let shareable =
            shareable_of(&value).or_else(|error| match error.is_instance_of::<PyException>(object.py()) {
                true => Ok(Shareable { return_code: ReturnCode::Ok, headers: IndexMap::new(), dxo: None }),
                false => Err(error),
            })?;
        shareables.insert(name, Arc::new(shareable));
    }
    Ok(Arc::new(FlContext {
        job_id: object.getattr("job_id")?.extract()?,
        identity: object.getattr("identity")?.extract()?,
        peer_identity: object.getattr("peer_identity")?.extract()?,
        local_dev: object.getattr("local_dev")?.is_truthy()?,
        props: plain_entries(&object.getattr("props")?)?,
        shareables,
        ..FlContext::default()
    }))
}
