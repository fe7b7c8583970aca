//! Whether a filter that says that it changed nothing has changed nothing.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::exchange::{Dxo, DxoData};
use crate::tensor::Tensor;

/// What a leaf was before a filter had it. Nothing is copied and no element is read.
pub(super) struct Before {
    /// Of its names, texts and shapes, and of where each tensor's data lies.
    print: u64,
    /// Whether the data stays in its place where nobody writes to it. Of a filter that works on parts it comes back
    /// in another.
    placed: bool,
}

impl Before {
    pub(super) fn of(dxo: &mut Dxo, placed: bool) -> Self {
        dxo.tensors_mut().into_iter().flat_map(|tensors| tensors.values_mut()).for_each(Tensor::forget_touch);
        Self { print: print(dxo, placed), placed }
    }

    /// Whether it is the same still.
    pub(super) fn is(&self, dxo: &Dxo) -> bool {
        let mut tensors = dxo.tensors().into_iter().flat_map(|tensors| tensors.values());
        !tensors.any(Tensor::is_touched) && print(dxo, self.placed) == self.print
    }
}

fn print(dxo: &Dxo, placed: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, value) in &dxo.meta {
        (key, value.text()).hash(&mut hasher);
    }
    match &dxo.data {
        DxoData::Tensors(tensors) => {
            for (name, tensor) in tensors {
                (name, tensor.dtype().name(), tensor.shape()).hash(&mut hasher);
                placed.then(|| tensor.place()).hash(&mut hasher);
            }
        }
        // A filter is given one leaf at a time.
        DxoData::Members(members) => members.len().hash(&mut hasher),
        DxoData::Values(values) => values.text().hash(&mut hasher),
    }
    hasher.finish()
}
