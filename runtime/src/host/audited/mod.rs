//! The interfaces that touch files, objects, the hub and the rest of the job, with each call noted in the audit
//! trail. Without a trail a call passes straight through.

mod cleanup;
mod events;
mod hub;
mod object_store;
mod peers;
mod storage;

use std::marker::PhantomData;

use wasmtime::component::HasData;

use super::Failure;
use crate::audit::{Auditor, Function, Noting};
use crate::bindings::flip::fl::types::{Error, Host as TypesHost};

/// A view of an interface, and who notes its calls.
pub(crate) struct Audited<'a, V> {
    pub(crate) view: V,
    pub(crate) audit: Option<&'a Auditor>,
}

/// Stands for [`Audited`] in the linker.
pub(crate) struct Has<T>(PhantomData<T>);

impl<T: HasData> HasData for Has<T> {
    type Data<'a> = Audited<'a, T::Data<'a>>;
}

/// What a call touches, and the new path of what it moves.
type Touched = (String, Option<String>);

impl<V> Audited<'_, V> {
    /// A call begins. What it touches is asked for only where somebody notes it.
    fn begin(
        &self,
        function: Function,
        touched: impl FnOnce(&V) -> Touched,
    ) -> Result<Option<Noting>, Failure> {
        let Some(audit) = self.audit else { return Ok(None) };
        let (touched, to) = touched(&self.view);
        audit.begin(function, &touched, to.as_deref()).map(Some)
    }
}

/// A call has ended: `sizes` adds what came of it.
fn end<T>(
    noting: Option<Noting>,
    result: Result<T, Failure>,
    sizes: impl FnOnce(&mut crate::audit::CallEntry, &T),
) -> Result<T, Failure> {
    let Some(mut noting) = noting else { return result };
    if let (Some(entry), Ok(value)) = (noting.entry(), &result) {
        sizes(entry, value);
    }
    noting.end(result)
}

/// A call has ended that told the component something of what it touched: this, as text, is in the digest of its line.
fn end_told<T>(
    noting: Option<Noting>,
    result: Result<T, Failure>,
    told: impl FnOnce(&T) -> String,
) -> Result<T, Failure> {
    match noting {
        Some(noting) => noting.end_told(result, told),
        None => result,
    }
}

/// A call has ended that gives bytes to the component.
fn end_read(noting: Option<Noting>, result: Result<Vec<u8>, Failure>) -> Result<Vec<u8>, Failure> {
    match noting {
        Some(noting) => noting.end_read(result),
        None => result,
    }
}

impl<V> TypesHost for Audited<'_, V> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}
