//! The interface `tensors`: windows on data that stays with the host.
//!
//! The two functions that move data are linked by hand over the generated ones, which pass a list of
//! bytes as a `Vec<u8>` that is allocated and filled on every call. Here a window of a tensor in memory
//! is lowered from where it lies, and what a component writes is copied once, from its memory to where it
//! belongs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{HasData, Linker, Resource, WasmList};

use super::call::CallCtx;
use super::{Failure, HostState, Table, open};
use crate::bindings::flip::fl::tensors::{Host, HostTensor, add_to_linker as add_generated};
use crate::bindings::flip::fl::types::{Dtype, Error, Host as TypesHost};
use crate::budget::Budget;
use crate::tensor::{Scratch, Tensor, TensorError, Writing};

/// What a handle of resource `tensor` stands for: a dxo and its open handles share one.
pub type SharedTensor = Arc<Mutex<Tensor>>;

/// How many bytes of tensors and files went in and out of components so far; can be watched while a call runs.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    read: AtomicU64,
    written: AtomicU64,
    largest: AtomicU64,
}

impl Meter {
    /// The bytes that components have read.
    pub fn read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// The bytes that components have written.
    pub fn written(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// The most bytes that went in or out at a time.
    pub(crate) fn largest(&self) -> u64 {
        self.0.largest.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, read: &[u8], written: &[u8]) {
        let size = read.len().max(written.len()) as u64;
        // Most are as large as the one before: then nothing is written here.
        if size > self.largest() {
            self.0.largest.fetch_max(size, Ordering::Relaxed);
        }
        self.0.read.fetch_add(read.len() as u64, Ordering::Relaxed);
        self.0.written.fetch_add(written.len() as u64, Ordering::Relaxed);
    }
}

/// What an instance needs to serve tensors.
pub(crate) struct TensorsCtx {
    pub(crate) scratch: Scratch,
    pub(crate) budget: Budget,
    pub(crate) meter: Meter,
    /// The most that one call passes to the component, in bytes.
    pub(crate) window: u64,
}

impl TensorsCtx {
    fn replace(
        &self,
        call: &CallCtx,
        tensor: &SharedTensor,
        start: u64,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        call.check()?;
        let mut tensor = tensor.lock().unwrap_or_else(PoisonError::into_inner);
        let go_on = || call.check().map_err(|_| TensorError::Stopped);
        let writing = Writing { scratch: &self.scratch, budget: &self.budget, go_on: &go_on };
        tensor.write(start, bytes, &writing).map_err(|error| match error {
            // Once its time is up it is told nothing any more.
            TensorError::Stopped if call.is_late() => Failure::Trap(call.deadline.reached.into()),
            error => error.into(),
        })?;
        self.meter.count(&[], bytes);
        Ok(())
    }
}

pub(crate) struct HasTensors;

impl HasData for HasTensors {
    type Data<'a> = TensorsView<'a>;
}

pub(crate) struct TensorsView<'a> {
    pub(crate) ctx: &'a TensorsCtx,
    pub(crate) call: &'a CallCtx,
    pub(crate) table: &'a mut Table,
}

type Handle = Resource<SharedTensor>;

impl TensorsView<'_> {
    fn lock(&self, handle: &Handle) -> Result<MutexGuard<'_, Tensor>, Failure> {
        let tensor = self.table.get(handle)?;
        Ok(tensor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn window(&self, handle: &Handle, start: u64, count: u32) -> Result<Bytes, Failure> {
        self.call.check()?;
        let tensor = self.lock(handle)?;
        let size = tensor.dtype().size() as u64;
        let count = u64::from(count).min(self.ctx.window / size);
        let bytes = tensor.read(start.saturating_mul(size), (count * size) as usize)?;
        self.ctx.meter.count(&bytes, &[]);
        Ok(bytes)
    }
}

impl TypesHost for TensorsView<'_> {
    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<Error> {
        failure.into_typed()
    }
}

impl Host for TensorsView<'_> {}

impl HostTensor for TensorsView<'_> {
    fn create(&mut self, dtype: Dtype, shape: Vec<u64>) -> Result<Handle, Failure> {
        let tensor = Tensor::charged_zeros(dtype, &shape, &self.ctx.budget)?;
        open(self.table, Arc::new(Mutex::new(tensor)))
    }

    fn dtype(&mut self, handle: Handle) -> wasmtime::Result<Dtype> {
        Ok(self.lock(&handle).map_err(Failure::into_trap)?.dtype())
    }

    fn shape(&mut self, handle: Handle) -> wasmtime::Result<Vec<u64>> {
        Ok(self.lock(&handle).map_err(Failure::into_trap)?.shape().to_vec())
    }

    fn len(&mut self, handle: Handle) -> wasmtime::Result<u64> {
        Ok(self.lock(&handle).map_err(Failure::into_trap)?.len())
    }

    fn read(&mut self, handle: Handle, start: u64, count: u32) -> Result<Vec<u8>, Failure> {
        Ok(self.window(&handle, start, count)?.into())
    }

    fn write(&mut self, handle: Handle, start: u64, bytes: Vec<u8>) -> Result<(), Failure> {
        self.ctx.replace(self.call, self.table.get(&handle)?, start, &bytes)
    }

    fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

type Store<'a> = StoreContextMut<'a, HostState>;
/// What a function returns whose WIT result is `result<T, error>`.
type Answer<T> = wasmtime::Result<(Result<T, Error>,)>;

pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    add_generated::<_, HasTensors>(linker, HostState::tensors)?;
    linker.allow_shadowing(true);
    let mut tensors = linker.instance("flip:fl/tensors@0.1.0")?;
    tensors.func_wrap(
        "[method]tensor.read",
        |mut store: Store<'_>, (handle, start, count): (Handle, u64, u32)| {
            answer(store.data_mut().tensors().window(&handle, start, count))
        },
    )?;
    tensors.func_wrap(
        "[method]tensor.write",
        |mut store: Store<'_>, (handle, start, bytes): (Handle, u64, WasmList<u8>)| {
            // The tensor is held on to: the bytes are borrowed from the same store as its handle.
            let tensor = store.data_mut().tensors().table.get(&handle)?.clone();
            let bytes = bytes.as_le_slice(&store);
            let state = store.data();
            answer(state.tensors.replace(&state.call, &tensor, start, bytes))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn answer<T>(result: Result<T, Failure>) -> Answer<T> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(failure) => Ok((Err(failure.into_typed()?),)),
    }
}
