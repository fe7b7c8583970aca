//! A window of a tensor as boxes: sets of elements that are regular both in the storage and in the window.

/// One dimension of a box: how many steps, and how far each goes in the storage and in the window, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) count: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Elements at `from + Σ iᵢ·axisᵢ.from` of the storage go to `to + Σ iᵢ·axisᵢ.to` of the window.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Widest steps in the storage first, so that the storage is passed over once, upwards.
    pub(crate) axes: Vec<Axis>,
}

/// Joins neighbouring axes that make one regular row together, and drops those of one step.
fn joined(axes: impl Iterator<Item = Axis>) -> Vec<Axis> {
    let mut joined: Vec<Axis> = Vec::new();
    for axis in axes.filter(|axis| axis.count != 1) {
        match joined.last_mut() {
            Some(outer)
                if axis.count.checked_mul(axis.from) == Some(outer.from)
                    && axis.count.checked_mul(axis.to) == Some(outer.to) =>
            {
                *outer = Axis { count: outer.count.saturating_mul(axis.count), ..axis };
            }
            _ => joined.push(axis),
        }
    }
    joined
}

/// The axes of a whole tensor that is not empty, in row-major order; `to` counts elements of the tensor.
/// Contiguous tensors have one axis or none.
pub(crate) fn layout(shape: &[u64], strides: &[u64]) -> Vec<Axis> {
    let mut to = 1_u64;
    let mut axes: Vec<Axis> = Vec::with_capacity(shape.len());
    for (&count, &from) in shape.iter().zip(strides).rev() {
        axes.push(Axis { count, from, to });
        to = to.saturating_mul(count);
    }
    joined(axes.into_iter().rev())
}

/// The box that begins with element `position` and holds as much of `position..end` as one box can.
/// A window takes at most two boxes for each axis.
pub(crate) fn piece(layout: &[Axis], offset: u64, start: u64, position: u64, end: u64) -> (Piece, u64) {
    let mut from = offset;
    let mut rest = position;
    let mut axes = Vec::new();
    let mut size = 1;
    let mut whole = false;
    for axis in layout {
        if whole {
            axes.push(*axis);
            continue;
        }
        // `to` and `count` are not 0 in a tensor that is not empty.
        let index = rest.checked_div(axis.to).unwrap_or(0);
        rest = rest.checked_rem(axis.to).unwrap_or(0);
        from = from.saturating_add(index.saturating_mul(axis.from));
        let fit = end.saturating_sub(position).checked_div(axis.to).unwrap_or(0);
        if rest == 0 && fit > 0 {
            let count = axis.count.saturating_sub(index).min(fit).max(1);
            axes.push(Axis { count, ..*axis });
            size = count.saturating_mul(axis.to);
            whole = true;
        }
    }
    axes.sort_by_key(|axis| std::cmp::Reverse((axis.from, axis.to)));
    (Piece { from, to: position.saturating_sub(start), axes: joined(axes.into_iter()) }, size)
}
