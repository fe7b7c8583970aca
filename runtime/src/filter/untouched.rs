//! Whether a filter that says that it changed nothing has changed nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::exchange::{Dxo, DxoData};
use crate::tensor::Tensor;

/// What a leaf was before a filter had it. Nothing is copied and no element is read.
pub(super) struct Before {
    /// Of its names, texts and shapes.
    print: u64,
    /// The origin of its first tensor; the others have those that follow. No other leaf's tensors have these.
    first: u64,
}

impl Before {
    pub(super) fn of(dxo: &mut Dxo) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let first = NEXT.fetch_add(tensors(dxo).count() as u64, Ordering::Relaxed);
        let given = dxo.tensors_mut().into_iter().flat_map(|tensors| tensors.values_mut());
        given.zip(first..).for_each(|(tensor, origin)| tensor.give(origin));
        Self { print: print(dxo), first }
    }

    /// Whether it is the same still.
    pub(super) fn is(&self, dxo: &Dxo) -> bool {
        print(dxo) == self.print
            && tensors(dxo).zip(self.first..).all(|(tensor, origin)| tensor.origin() == origin)
    }
}

fn tensors(dxo: &Dxo) -> impl Iterator<Item = &Tensor> {
    dxo.tensors().into_iter().flat_map(|tensors| tensors.values())
}

fn print(dxo: &Dxo) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, value) in &dxo.meta {
        (key, value.text()).hash(&mut hasher);
    }
    match &dxo.data {
        DxoData::Tensors(tensors) => {
            tensors.len().hash(&mut hasher);
            for (name, tensor) in tensors {
                (name, tensor.dtype().name(), tensor.shape()).hash(&mut hasher);
            }
        }
        // A filter is given one leaf at a time.
        DxoData::Members(members) => members.len().hash(&mut hasher),
        DxoData::Values(values) => values.text().hash(&mut hasher),
    }
    hasher.finish()
}
