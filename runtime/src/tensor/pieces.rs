//! Tensors in pieces, for components of which several instances work on one.

use std::sync::Arc;

use super::overlay::{BLOCK, Overlay};
use super::{Data, Source, Tensor, TensorError, TensorSource, Watch, Writing};

/// A tensor that was cut: its pieces are elsewhere.
pub(crate) struct Cut {
    /// The tensor, without data.
    frame: Tensor,
    /// What was under the pieces.
    base: Source,
}

impl Tensor {
    /// Elements at which a tensor of this dtype may be cut: multiples of these.
    pub(crate) fn cutting(size: usize) -> u64 {
        BLOCK / size.max(1) as u64
    }

    /// `len` elements from `start`, to read. What is written to them is not in this tensor.
    pub(crate) fn piece(&self, start: u64, len: u64) -> Self {
        let size = self.dtype.size() as u64;
        let (offset, bytes) = (start.saturating_mul(size), len.saturating_mul(size));
        let source = match &self.data {
            Data::Source(source) => source.slice(offset, bytes),
            Data::Overlay(overlay) => {
                let overlay: Arc<dyn TensorSource> = overlay.clone();
                Source::Elsewhere(overlay).slice(offset, bytes)
            }
        };
        self.framed(len, Data::Source(source))
    }

    /// Cuts it into pieces of so many elements each, all of them multiples of [`Tensor::cutting`] but the last,
    /// which can be written to in place; [`Cut::join`] puts them together again.
    pub(crate) fn cut(
        mut self,
        lens: &[u64],
        writing: &Writing<'_>,
    ) -> Result<(Cut, Vec<Self>), TensorError> {
        let in_place = match &mut self.data {
            Data::Source(source) => source.take_memory(),
            Data::Overlay(_) => None,
        };
        let overlay = match in_place {
            Some(memory) => Overlay::in_place(memory)?,
            None => {
                self.own(writing)?;
                match std::mem::replace(&mut self.data, NOTHING) {
                    Data::Overlay(own) => Arc::try_unwrap(own).or_else(|shared| shared.copy(writing))?,
                    Data::Source(source) => Overlay::new(source, writing.scratch)?,
                }
            }
        };
        self.data = NOTHING;
        let size = self.dtype.size() as u64;
        let bytes: Vec<_> = lens.iter().map(|len| len.saturating_mul(size)).collect();
        let base = overlay.base().clone();
        let mut start = 0_u64;
        let pieces = overlay.cut(&bytes).into_iter().zip(lens).map(|(piece, &len)| {
            let watch = self.watch.at(start);
            start = start.saturating_add(len);
            Self { watch, ..self.framed(len, Data::Overlay(Arc::new(piece))) }
        });
        let pieces = pieces.collect();
        Ok((Cut { frame: self, base }, pieces))
    }

    /// So many of its elements: all of them have its shape, a run of them has one dimension.
    fn framed(&self, len: u64, data: Data) -> Self {
        let shape = if len == self.len { self.shape.clone() } else { [len].into() };
        let Self { dtype, origin, .. } = *self;
        Self { dtype, shape, len, data, charge: None, origin, watch: Watch::default() }
    }
}

/// The data of a tensor that is cut.
const NOTHING: Data = Data::Source(Source::Zeros(0));

impl Cut {
    /// Puts the pieces together again, in their order; none where somebody still holds one.
    pub(crate) fn join(self, pieces: impl IntoIterator<Item = Tensor>) -> Option<Tensor> {
        let frame = self.frame;
        let mut origin = frame.origin;
        let pieces = pieces.into_iter().map(|piece| {
            // One that was written to is another, and so is the whole.
            origin = if piece.origin == frame.origin { origin } else { 0 };
            match piece.data {
                Data::Overlay(overlay) => Arc::try_unwrap(overlay).ok(),
                Data::Source(_) => None,
            }
        });
        let mut overlay = Overlay::join(self.base, pieces.collect::<Option<Vec<_>>>()?)?;
        let data = match overlay.settle() {
            Some(source) => Data::Source(source),
            None => Data::Overlay(Arc::new(overlay)),
        };
        Some(Tensor { data, origin, ..frame })
    }
}
