//! Reading the elements of tensors, window by window.

use crate::boxes::{Axis, Piece, layout, piece};
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Invalid, shown};
use crate::source::{Source, read_exact};
use crate::tensor::Tensor;

/// Bytes read at a time where a tensor's elements do not lie side by side.
const BLOCK: usize = 256 << 10;
/// A gap up to this is read and thrown away: cheaper than another call of the source.
const NEAR: u64 = 4 << 10;

/// Reads checkpoints from one source, holding no more of it than a block.
#[derive(Debug)]
pub struct Reader<S> {
    source: S,
    block: Vec<u8>,
    block_at: u64,
    /// Where the last piece that was asked for ended.
    passed: u64,
}

impl<S: Source> Reader<S> {
    /// A reader of this source. Nothing is read yet.
    pub fn new(source: S) -> Self {
        Self { source, block: Vec::new(), block_at: 0, passed: u64::MAX }
    }

    /// Reads what the file holds: everything but the elements of the tensors.
    ///
    /// # Errors
    /// If the source fails, or the file is not a checkpoint in every detail that this crate knows.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, Error<S::Error>> {
        Checkpoint::open(&mut self.source)
    }

    /// Appends `count` elements of the tensor, from the element `start` on in row-major order whatever its
    /// strides: little-endian, in its own dtype. The tensor must be of this reader's file.
    ///
    /// A contiguous tensor takes one read. Others are gathered block by block, in the order of the storage: a
    /// window of many rows serves a transposed tensor better than many windows of one row.
    ///
    /// # Errors
    /// If the tensor has no such window, the source fails, or there is no memory for the window. `into` is
    /// then what it was.
    pub fn read_tensor(
        &mut self,
        tensor: &Tensor,
        start: u64,
        count: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), Error<S::Error>> {
        let before = into.len();
        let done = self.window(tensor, start, count, into);
        if done.is_err() {
            into.truncate(before);
            // Half a block may be there.
            self.block.clear();
        }
        done
    }

    /// The source, given back.
    pub fn into_source(self) -> S {
        self.source
    }

    fn window(
        &mut self,
        tensor: &Tensor,
        start: u64,
        count: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), Error<S::Error>> {
        let elements = tensor.elements();
        let count64 = count as u64;
        let Some(end) = start.checked_add(count64).filter(|&end| end <= elements) else {
            let tensor = shown(tensor.name());
            return Err(Invalid::Window { tensor, start, count: count64, elements }.into());
        };
        if count == 0 {
            return Ok(());
        }
        let width = tensor.dtype().size();
        let bytes = count.checked_mul(width).ok_or(Invalid::OutOfMemory { bytes: usize::MAX })?;
        if let Some(place) = tensor.contiguous() {
            let at = place.start.saturating_add(start.saturating_mul(width as u64));
            return read_exact(&mut self.source, "a tensor's elements", at, bytes, into);
        }
        let storage = tensor.storage().start;
        let layout = layout(tensor.shape(), tensor.strides());
        into.try_reserve(bytes).map_err(|_| Invalid::OutOfMemory { bytes })?;
        let before = into.len();
        into.resize(before.saturating_add(bytes), 0);
        let window = into.get_mut(before..).unwrap_or_default();
        let mut position = start;
        while position < end {
            let (piece, size) = piece(&layout, tensor.storage_offset(), start, position, end);
            self.gather(&piece, storage, width, window)?;
            // A piece of nothing would never end; the layout of a checked tensor has none.
            position = position.saturating_add(size.max(1));
        }
        Ok(())
    }

    /// Copies one box into the window.
    fn gather(
        &mut self,
        piece: &Piece,
        storage: u64,
        width: usize,
        window: &mut [u8],
    ) -> Result<(), Error<S::Error>> {
        let width64 = width as u64;
        let (row, outer) = match piece.axes.split_last() {
            Some((row, outer)) => (*row, outer),
            None => (Axis { count: 1, from: 1, to: 1 }, [].as_slice()),
        };
        let reach = |from: u64, axis: &Axis| {
            from.saturating_add(axis.count.saturating_sub(1).saturating_mul(axis.from))
        };
        let last = piece.axes.iter().fold(piece.from, reach);
        let end = storage.saturating_add(last.saturating_add(1).saturating_mul(width64));
        // As many elements of a row at once as lie within one block.
        let per_block = (BLOCK as u64).checked_div(width64).unwrap_or(1).saturating_sub(1);
        let at_once = per_block.checked_div(row.from).map_or(row.count, |steps| steps.saturating_add(1));
        let mut counters = vec![0_u64; outer.len()];
        loop {
            let (mut from, mut to) = (piece.from, piece.to);
            for (axis, counter) in outer.iter().zip(&counters) {
                from = from.saturating_add(counter.saturating_mul(axis.from));
                to = to.saturating_add(counter.saturating_mul(axis.to));
            }
            let mut done = 0;
            while done < row.count {
                let count = at_once.min(row.count.saturating_sub(done));
                let run = Axis { count, ..row };
                let first = from.saturating_add(done.saturating_mul(row.from));
                let at = storage.saturating_add(first.saturating_mul(width64));
                let span = reach(0, &run).saturating_add(1).saturating_mul(width64);
                let bytes = self.fetch(at, usize::try_from(span).unwrap_or(usize::MAX), end)?;
                copy(bytes, run, to.saturating_add(done.saturating_mul(row.to)), width, window);
                done = done.saturating_add(count.max(1));
            }
            // The next row: the innermost counter that has not reached its end goes on.
            let mut moved = false;
            for (axis, counter) in outer.iter().zip(&mut counters).rev() {
                *counter = counter.saturating_add(1);
                if *counter < axis.count {
                    moved = true;
                    break;
                }
                *counter = 0;
            }
            if !moved {
                return Ok(());
            }
        }
    }

    /// The `len` bytes at `at`, out of the block or through it; nothing at `end` or beyond is needed after.
    fn fetch(&mut self, at: u64, len: usize, end: u64) -> Result<&[u8], Error<S::Error>> {
        let held = |block: &Vec<u8>, block_at: u64| {
            let skip = usize::try_from(at.checked_sub(block_at)?).ok()?;
            let stop = skip.checked_add(len)?;
            (stop <= block.len()).then_some(skip..stop)
        };
        // Close behind the last piece, or overlapping its end: more of the same will follow.
        let stop = at.saturating_add(len as u64);
        let near = at <= self.passed.saturating_add(NEAR) && stop >= self.passed;
        self.passed = stop;
        let range = match held(&self.block, self.block_at) {
            Some(range) => range,
            None => {
                let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
                let length = if near { BLOCK.min(left).max(len) } else { len };
                self.block.clear();
                read_exact(&mut self.source, "a tensor's elements", at, length, &mut self.block)?;
                self.block_at = at;
                0..len
            }
        };
        Ok(self.block.get(range).unwrap_or_default())
    }
}

/// Spreads a run of elements over the window.
fn copy(bytes: &[u8], run: Axis, to: u64, width: usize, window: &mut [u8]) {
    match width {
        1 => spread::<1>(bytes, run, to, window),
        2 => spread::<2>(bytes, run, to, window),
        4 => spread::<4>(bytes, run, to, window),
        8 => spread::<8>(bytes, run, to, window),
        _ => spread::<16>(bytes, run, to, window),
    }
}

fn spread<const N: usize>(bytes: &[u8], run: Axis, to: u64, window: &mut [u8]) {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (elements, _) = bytes.as_chunks::<N>();
    let (slots, _) = window.as_chunks_mut::<N>();
    let (count, step) = (size(run.count), size(run.from));
    let slots = slots.get_mut(size(to)..).unwrap_or_default();
    match (step, run.to) {
        (1, 1) => slots.iter_mut().zip(elements).take(count).for_each(|(slot, element)| *slot = *element),
        (0, stride) => {
            let element = elements.first().copied().unwrap_or([0; N]);
            slots.iter_mut().step_by(size(stride.max(1))).take(count).for_each(|slot| *slot = element);
        }
        (step, stride) => {
            let slots = slots.iter_mut().step_by(size(stride.max(1)));
            slots.zip(elements.iter().step_by(step)).take(count).for_each(|(slot, element)| *slot = *element);
        }
    }
}
