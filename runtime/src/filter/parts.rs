//! How a dxo's tensors are cut into parts. It depends on them alone, not on who works on the parts.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::exchange::{DataKind, Dxo};
use crate::tensor::{Cut, Tensor, TensorError, Writing};

/// Bytes in a part at most: sixteen windows. Some are a good deal smaller, so that tensors are cut at whole
/// windows.
pub(super) const PART: u64 = 4 << 20;
/// Tensors in a part at most: a part that is all small ones takes as long as one that is not.
const TENSORS: usize = 256;

/// Parts of some tensors.
#[derive(Debug, Default)]
pub(super) struct Parts(Vec<Part>);

/// A part: its slices, by the tensor's name.
type Part = Vec<(String, Slice)>;

/// A run of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slice {
    start: u64,
    len: u64,
}

impl Parts {
    /// Cuts these tensors into parts of so many bytes, but at least a window; those without elements are left out.
    pub(super) fn of<'a>(size: u64, tensors: impl IntoIterator<Item = (&'a String, &'a Tensor)>) -> Self {
        let most = size;
        let mut parts = vec![Part::new()];
        let mut room = most;
        for (name, tensor) in tensors {
            let size = tensor.dtype().size();
            let step = Tensor::cutting(size);
            let mut start = 0;
            while start < tensor.len() {
                let left = tensor.len() - start;
                let fits = room / size as u64;
                let held = parts.last().map_or(0, Vec::len);
                let len = match (left <= fits, held) {
                    (true, _) => left,
                    (false, 0) => (fits / step * step).max(step).min(left),
                    (false, _) => fits / step * step,
                };
                if len == 0 || held >= TENSORS {
                    parts.push(Part::new());
                    room = most;
                    continue;
                }
                if let Some(part) = parts.last_mut() {
                    part.push((name.clone(), Slice { start, len }));
                }
                start += len;
                room = room.saturating_sub(len * size as u64);
            }
        }
        parts.retain(|part| !part.is_empty());
        Self(parts)
    }

    /// The parts, to read. What is written to them is not in the tensors.
    pub(super) fn observed(&self, kind: DataKind, tensors: &IndexMap<String, Tensor>) -> Vec<Dxo> {
        let parts = self.0.iter().map(|part| {
            let pieces = part.iter().filter_map(|(name, slice)| {
                Some((name.clone(), tensors.get(name)?.piece(slice.start, slice.len)))
            });
            Dxo::of_tensors(kind, pieces).unwrap_or_else(|| Dxo::new(kind))
        });
        parts.collect()
    }

    /// Takes the tensors apart, to be written to in place.
    pub(super) fn apart(
        &self,
        kind: DataKind,
        tensors: &mut IndexMap<String, Tensor>,
        writing: &Writing<'_>,
    ) -> Result<(Apart, Vec<Dxo>), TensorError> {
        let mut lens: IndexMap<&String, Vec<u64>> = IndexMap::new();
        for (name, slice) in self.0.iter().flatten() {
            lens.entry(name).or_default().push(slice.len);
        }
        let (mut cut, mut pieces) = (IndexMap::new(), IndexMap::new());
        for (name, lens) in lens {
            let Some(tensor) = tensors.get_mut(name) else { continue };
            let frame = Tensor::zeros(tensor.dtype(), &[0])?;
            let (frame, of_it) = std::mem::replace(tensor, frame).cut(&lens, writing)?;
            cut.insert(name.clone(), frame);
            pieces.insert(name, of_it.into_iter());
        }
        let parts = self.0.iter().map(|part| {
            let of_it =
                part.iter().filter_map(|(name, _)| Some((name.clone(), pieces.get_mut(name)?.next()?)));
            Dxo::of_tensors(kind, of_it).unwrap_or_else(|| Dxo::new(kind))
        });
        let parts = parts.collect();
        Ok((Apart(cut), parts))
    }
}

/// Tensors that were taken apart.
pub(super) struct Apart(IndexMap<String, Cut>);

impl Apart {
    /// Puts them together again, from their parts in order; none where somebody still holds a part.
    pub(super) fn join(self, parts: Vec<Dxo>, tensors: &mut IndexMap<String, Tensor>) -> Option<()> {
        let mut pieces: IndexMap<String, Vec<Tensor>> = IndexMap::new();
        for mut part in parts {
            for (name, piece) in part.tensors_mut().into_iter().flat_map(std::mem::take) {
                pieces.entry(name).or_default().push(piece);
            }
        }
        for (name, cut) in self.0 {
            let tensor = cut.join(pieces.get_mut(&name).map(std::mem::take).unwrap_or_default())?;
            tensors.insert(name, tensor);
        }
        Some(())
    }
}

/// The tensors of these names, in the dxo's order; none where a name comes twice or is not there.
pub(super) fn named<'a>(
    names: &[String],
    tensors: &'a IndexMap<String, Tensor>,
) -> Option<Vec<(&'a String, &'a Tensor)>> {
    let wanted: HashSet<&String> = names.iter().collect();
    let found: Vec<_> = tensors.iter().filter(|(name, _)| wanted.contains(name)).collect();
    (wanted.len() == names.len() && found.len() == names.len()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::limits::Limits;
    use crate::tensor::{Dtype, Scratch};

    fn tensors(lens: &[u64]) -> IndexMap<String, Tensor> {
        let tensor = |(index, len): (usize, &u64)| {
            let bytes: Vec<u8> = (0..len * 4).map(|byte| (byte % 251) as u8).collect();
            (format!("t{index}"), Tensor::new(Dtype::Float32, &[*len], bytes).unwrap())
        };
        lens.iter().enumerate().map(tensor).collect()
    }

    #[test]
    fn tensors_taken_apart_come_together_again() {
        let limits = Limits::default();
        let budget = Budget::new(&limits, true);
        let writing = Writing { scratch: &Scratch::Memory, budget: &budget, go_on: &|| Ok(()) };
        for lens in [&[1][..], &[0, 3, 0], &[3_000_000, 5, 1_000_001], &[1; 600], &[2_000_000; 3]] {
            let mut given = tensors(lens);
            // One is shared, the others are not.
            let shared = given.first().map(|(_, tensor)| tensor.clone());
            let before: Vec<_> = given.values().map(|tensor| tensor.to_bytes().unwrap().to_vec()).collect();
            let parts = Parts::of(PART, &given);
            assert!(
                parts.0.iter().all(|part| part.iter().map(|(_, slice)| slice.len * 4).sum::<u64>() <= PART)
            );
            let (apart, mut pieces) = parts.apart(DataKind::Weights, &mut given, &writing).unwrap();
            assert_eq!(pieces.len(), parts.0.len());
            for piece in pieces.iter_mut().flat_map(|part| part.tensors_mut().unwrap().values_mut()) {
                let bytes: Vec<_> = piece.to_bytes().unwrap().iter().map(|byte| byte ^ 1).collect();
                for (window, bytes) in bytes.chunks(1 << 18).enumerate() {
                    piece.write((window as u64) << 16, bytes, &writing).unwrap();
                }
            }
            apart.join(pieces, &mut given).unwrap();
            for (before, after) in before.iter().zip(given.values()) {
                let expected: Vec<_> = before.iter().map(|byte| byte ^ 1).collect();
                assert_eq!(after.to_bytes().unwrap(), expected);
            }
            let kept = shared.map(|tensor| tensor.to_bytes().unwrap().to_vec());
            assert_eq!(kept.as_ref(), before.first());
        }
    }

    #[test]
    fn a_piece_that_somebody_keeps_is_not_taken() {
        let budget = Budget::new(&Limits::default(), true);
        let writing = Writing { scratch: &Scratch::Memory, budget: &budget, go_on: &|| Ok(()) };
        let mut given = tensors(&[3_000_000]);
        let (apart, parts) = Parts::of(PART, &given).apart(DataKind::Weights, &mut given, &writing).unwrap();
        let kept = parts.clone();
        assert!(apart.join(parts, &mut given).is_none());
        drop(kept);
    }
}
