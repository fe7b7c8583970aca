//! A sample of a tensor's elements as they were and as they are, taken while they are written: nothing is read a
//! second time for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use half::{bf16, f16};

use super::{Dtype, Tensor, TensorError};

/// Which elements of a tensor are looked at: runs of neighbours, evenly spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    /// Neighbours in a run.
    pub(crate) run: u64,
    /// From the start of one run to that of the next.
    pub(crate) step: u64,
}

/// What a tensor, or a piece of one, is watched by. A clone of the tensor is not: what is written to it is nobody's.
#[derive(Debug, Default)]
pub(super) struct Watch(Option<Watched>);

#[derive(Debug)]
struct Watched {
    sample: Arc<Sample>,
    /// The element of the whole tensor that is the first of this piece.
    offset: u64,
    /// Whether the tensor has not as many elements as the one that it stands in the place of: then nothing of it is
    /// looked at, until another takes its place.
    resized: bool,
}

impl Clone for Watch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// The elements of a sample as they were and as they are.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) before: Vec<f64>,
    pub(crate) after: Vec<f64>,
}

#[derive(Debug)]
struct Sample {
    spread: Spread,
    /// The elements of the whole tensor.
    len: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    seen: Seen,
    /// For each run whether it was written to, and is in `seen`.
    runs: Vec<bool>,
}

impl Watch {
    /// A watch over a tensor of so many elements.
    fn over(len: u64, spread: Spread) -> Self {
        let Spread { run, step } = spread;
        let (whole, rest) = (len / step, (len % step).min(run));
        let elements = usize::try_from(whole.saturating_mul(run).saturating_add(rest)).unwrap_or(0);
        let runs = usize::try_from(len.div_ceil(step)).unwrap_or(0);
        let seen = Seen { before: vec![0.0; elements], after: vec![0.0; elements] };
        let taken = Mutex::new(Taken { seen, runs: vec![false; runs] });
        let sample = Arc::new(Sample { spread, len, taken });
        Self(Some(Watched { sample, offset: 0, resized: false }))
    }

    /// The same over a piece that begins at this element.
    pub(super) fn at(&self, start: u64) -> Self {
        Self(self.0.as_ref().map(|watched| Watched {
            sample: watched.sample.clone(),
            offset: watched.offset.saturating_add(start),
            resized: watched.resized,
        }))
    }

    /// The same, held on to while the tensor changes.
    pub(super) fn held(&self) -> Self {
        self.at(0)
    }

    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// So many elements from `start` are about to be written: those of the sample are taken as they are.
    pub(super) fn before(&self, tensor: &Tensor, start: u64, count: u64) -> Result<(), TensorError> {
        let Some((sample, offset)) = self.looking() else { return Ok(()) };
        let runs = sample.runs_in(offset.saturating_add(start), count);
        if runs.is_empty() {
            return Ok(());
        }
        let mut taken = sample.taken();
        for run in runs {
            sample.take(&mut taken, run, tensor, offset)?;
        }
        Ok(())
    }

    fn looking(&self) -> Option<(&Sample, u64)> {
        let watched = self.0.as_ref().filter(|watched| !watched.resized)?;
        Some((&watched.sample, watched.offset))
    }

    /// They could not be written, or not all of them: they are what can be read.
    pub(super) fn failed(&self, tensor: &Tensor, start: u64, count: u64) {
        let Some((sample, offset)) = self.looking() else { return };
        let mut taken = sample.taken();
        for run in sample.runs_in(offset.saturating_add(start), count) {
            // What cannot be read either leaves with nobody.
            let _ = sample.read(&mut taken.seen.after, run, tensor, offset);
        }
    }

    /// These elements were written from `start`.
    pub(super) fn after(&self, dtype: Dtype, start: u64, bytes: &[u8]) {
        let Some((sample, offset)) = self.looking() else { return };
        let (start, size) = (offset.saturating_add(start), dtype.size());
        let end = start.saturating_add((bytes.len() / size) as u64);
        let runs = sample.runs_in(start, end.saturating_sub(start));
        if runs.is_empty() {
            return;
        }
        let mut taken = sample.taken();
        for run in runs {
            let (first, last, place) = sample.bounds(run);
            let (from, to) = (first.max(start), last.min(end));
            let bytes = bytes.get((from - start) as usize * size..(to - start) as usize * size);
            let place = place + (from - first) as usize;
            let into = taken.seen.after.get_mut(place..place + (to - from) as usize);
            if let (Some(bytes), Some(into)) = (bytes, into) {
                read(dtype, bytes, into);
            }
        }
    }
}

impl Tensor {
    /// Has a sample of its elements taken as they are written.
    pub(crate) fn watch(&mut self, spread: Spread) {
        self.watch = Watch::over(self.len, spread);
    }

    /// It stands in the place of a tensor that is watched: from now on it is.
    pub(crate) fn take_over(&mut self, old: &mut Self) -> Result<(), TensorError> {
        self.watch = Watch::default();
        let Watch(Some(Watched { sample, offset, resized })) = old.watch.held() else { return Ok(()) };
        let resizes = self.len != sample.len;
        {
            let mut taken = sample.taken();
            for run in 0..taken.runs.len() as u64 {
                if !resized {
                    sample.take(&mut taken, run, old, offset)?;
                }
                if !resizes {
                    sample.read(&mut taken.seen.after, run, self, offset)?;
                }
            }
        }
        old.watch = Watch::default();
        self.watch = Watch(Some(Watched { sample, offset, resized: resizes }));
        Ok(())
    }

    /// What the sample saw, and nobody sees any more; none of a tensor that is not watched, or has another size.
    pub(crate) fn seen(&mut self) -> Result<Option<Seen>, TensorError> {
        let watch = self.watch.take();
        let Some((sample, offset)) = watch.looking() else { return Ok(None) };
        let mut taken = sample.taken();
        // What nobody wrote to is as it was.
        for run in 0..taken.runs.len() as u64 {
            sample.take(&mut taken, run, self, offset)?;
        }
        Ok(Some(std::mem::take(&mut taken.seen)))
    }
}

impl Sample {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runs of which some of these elements are.
    fn runs_in(&self, start: u64, count: u64) -> std::ops::Range<u64> {
        let Spread { run, step } = self.spread;
        let first = start / step + u64::from(start % step >= run);
        first..start.saturating_add(count).div_ceil(step).max(first)
    }

    /// The first element of a run, the first behind it, and the place of the first in the sample.
    fn bounds(&self, run: u64) -> (u64, u64, usize) {
        let first = run.saturating_mul(self.spread.step);
        let last = first.saturating_add(self.spread.run).min(self.len);
        (first, last, run.saturating_mul(self.spread.run) as usize)
    }

    /// Takes a run, if nobody has, of a tensor that begins at element `offset`.
    fn take(&self, taken: &mut Taken, run: u64, tensor: &Tensor, offset: u64) -> Result<(), TensorError> {
        let Some(known) = usize::try_from(run).ok().and_then(|run| taken.runs.get_mut(run)) else {
            return Ok(());
        };
        if *known {
            return Ok(());
        }
        self.read(&mut taken.seen.before, run, tensor, offset)?;
        *known = true;
        let (first, last, place) = self.bounds(run);
        let range = place..place + (last - first) as usize;
        if let (Some(before), Some(after)) =
            (taken.seen.before.get(range.clone()), taken.seen.after.get_mut(range))
        {
            after.copy_from_slice(before);
        }
        Ok(())
    }

    /// Reads a run of a tensor that begins at element `offset`.
    fn read(&self, into: &mut [f64], run: u64, tensor: &Tensor, offset: u64) -> Result<(), TensorError> {
        let (first, last, place) = self.bounds(run);
        let (size, count) = (tensor.dtype.size() as u64, last - first);
        let bytes =
            tensor.read(first.saturating_sub(offset).saturating_mul(size), (count * size) as usize)?;
        if let Some(into) = into.get_mut(place..place + count as usize) {
            read(tensor.dtype, &bytes, into);
        }
        Ok(())
    }
}

/// Elements as numbers; integers beyond 2^53 lose digits, which no bin shows.
fn read(dtype: Dtype, bytes: &[u8], into: &mut [f64]) {
    fn each<const N: usize>(bytes: &[u8], into: &mut [f64], number: impl Fn([u8; N]) -> f64) {
        for (element, into) in bytes.as_chunks().0.iter().zip(into) {
            *into = number(*element);
        }
    }
    match dtype {
        Dtype::Bool | Dtype::Uint8 => each(bytes, into, |b| u8::from_le_bytes(b).into()),
        Dtype::Int8 => each(bytes, into, |b| i8::from_le_bytes(b).into()),
        Dtype::Int16 => each(bytes, into, |b| i16::from_le_bytes(b).into()),
        Dtype::Uint16 => each(bytes, into, |b| u16::from_le_bytes(b).into()),
        Dtype::Int32 => each(bytes, into, |b| i32::from_le_bytes(b).into()),
        Dtype::Uint32 => each(bytes, into, |b| u32::from_le_bytes(b).into()),
        Dtype::Int64 => each(bytes, into, |b| i64::from_le_bytes(b) as f64),
        Dtype::Uint64 => each(bytes, into, |b| u64::from_le_bytes(b) as f64),
        Dtype::Float16 => each(bytes, into, |b| f16::from_le_bytes(b).into()),
        Dtype::Bfloat16 => each(bytes, into, |b| bf16::from_le_bytes(b).into()),
        Dtype::Float32 => each(bytes, into, |b| f32::from_le_bytes(b).into()),
        Dtype::Float64 => each(bytes, into, f64::from_le_bytes),
    }
}
