//! A sample of a tensor's elements as they were and as they are, taken while they are written: nothing is read a
//! second time for it.

use std::ops::Range;
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

#[derive(Clone, Debug)]
struct Watched {
    sample: Arc<Sample>,
    part: Part,
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

/// The elements of a sample of some tensors. They have it together: one for each would take longer to make than to fill.
#[derive(Debug, Default)]
pub(crate) struct Sample(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    before: Vec<f64>,
    after: Vec<f64>,
    /// For each run whether it was written to, and is in both.
    runs: Vec<bool>,
}

/// What of a sample is one tensor's.
#[derive(Clone, Copy, Debug)]
struct Part {
    spread: Spread,
    /// The elements of the whole tensor.
    len: u64,
    /// Where its elements and its runs begin.
    place: usize,
    first: usize,
}

impl Sample {
    /// A sample of these tensors, taken as they are written; each has its own spread.
    pub(crate) fn over<'a>(tensors: impl Iterator<Item = (&'a mut Tensor, Spread)>) {
        let sample = Arc::<Self>::default();
        let (mut place, mut first) = (0_usize, 0_usize);
        for (tensor, spread) in tensors {
            let part = Part { spread, len: tensor.len, place, first };
            place = place.saturating_add(part.elements());
            first = first.saturating_add(part.runs() as usize);
            let sample = sample.clone();
            tensor.watch = Watch(Some(Watched { sample, part, offset: 0, resized: false }));
        }
        *sample.taken() =
            Taken { before: vec![0.0; place], after: vec![0.0; place], runs: vec![false; first] };
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn runs(&self) -> u64 {
        self.len.div_ceil(self.spread.step)
    }

    /// How many of its elements are in the sample.
    fn elements(&self) -> usize {
        let Spread { run, step } = self.spread;
        let (whole, rest) = (self.len / step, (self.len % step).min(run));
        usize::try_from(whole.saturating_mul(run).saturating_add(rest)).unwrap_or(0)
    }

    /// The runs of which some of these elements are.
    fn runs_in(&self, start: u64, count: u64) -> Range<u64> {
        let Spread { run, step } = self.spread;
        let first = start / step + u64::from(start % step >= run);
        first..start.saturating_add(count).div_ceil(step).max(first)
    }

    /// The first element of a run, the first behind it, and where they are in the sample.
    fn bounds(&self, run: u64) -> (u64, u64, Range<usize>) {
        let first = run.saturating_mul(self.spread.step);
        let last = first.saturating_add(self.spread.run).min(self.len).max(first);
        let place = self.place.saturating_add(run.saturating_mul(self.spread.run) as usize);
        (first, last, place..place.saturating_add((last - first) as usize))
    }
}

impl Watch {
    /// The same over a piece that begins at this element.
    pub(super) fn at(&self, start: u64) -> Self {
        Self(
            self.0.clone().map(|watched| Watched { offset: watched.offset.saturating_add(start), ..watched }),
        )
    }

    /// The same, held on to while the tensor changes.
    pub(super) fn held(&self) -> Self {
        Self(self.0.clone())
    }

    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Who looks at some of these elements, and at which runs.
    fn at_work(&self, start: u64, count: u64) -> Option<(&Watched, Range<u64>)> {
        let watched = self.0.as_ref().filter(|watched| !watched.resized)?;
        let runs = watched.part.runs_in(watched.offset.saturating_add(start), count);
        (!runs.is_empty()).then_some((watched, runs))
    }

    /// So many elements from `start` are about to be written: those of the sample are taken as they are.
    pub(super) fn before(&self, tensor: &Tensor, start: u64, count: u64) -> Result<(), TensorError> {
        let Some((watched, mut runs)) = self.at_work(start, count) else { return Ok(()) };
        let mut taken = watched.sample.taken();
        runs.try_for_each(|run| watched.take(&mut taken, run, tensor))
    }

    /// They could not be written, or not all of them: they are what can be read.
    pub(super) fn failed(&self, tensor: &Tensor, start: u64, count: u64) {
        let Some((watched, runs)) = self.at_work(start, count) else { return };
        let mut taken = watched.sample.taken();
        for run in runs {
            // What cannot be read either leaves with nobody.
            let _ = watched.read(&mut taken.after, run, tensor);
        }
    }

    /// These elements were written from `start`.
    pub(super) fn after(&self, dtype: Dtype, start: u64, bytes: &[u8]) {
        let (size, count) = (dtype.size(), (bytes.len() / dtype.size()) as u64);
        let Some((watched, runs)) = self.at_work(start, count) else { return };
        let start = watched.offset.saturating_add(start);
        let end = start.saturating_add(count);
        let mut taken = watched.sample.taken();
        for run in runs {
            let (first, last, places) = watched.part.bounds(run);
            let (from, to) = (first.max(start), last.min(end));
            let bytes = bytes.get((from - start) as usize * size..(to - start) as usize * size);
            let place = places.start + (from - first) as usize;
            let into = taken.after.get_mut(place..place + (to - from) as usize);
            if let (Some(bytes), Some(into)) = (bytes, into) {
                read(dtype, bytes, into);
            }
        }
    }
}

impl Tensor {
    /// It stands in the place of a tensor that is watched: from now on it is.
    pub(crate) fn take_over(&mut self, old: &mut Self) -> Result<(), TensorError> {
        self.watch = Watch::default();
        let Some(was) = old.watch.0.clone() else { return Ok(()) };
        let watched = Watched { resized: self.len != was.part.len, ..was.clone() };
        {
            let mut taken = was.sample.taken();
            for run in 0..was.part.runs() {
                if !was.resized {
                    was.take(&mut taken, run, old)?;
                }
                if !watched.resized {
                    watched.read(&mut taken.after, run, self)?;
                }
            }
        }
        old.watch = Watch::default();
        self.watch = Watch(Some(watched));
        Ok(())
    }

    /// Shows the elements of the sample as they were and as they are, and is watched no longer; none where it is not
    /// watched, or has another size.
    pub(crate) fn seen<R>(
        &mut self,
        show: impl FnOnce(&[f64], &[f64]) -> R,
    ) -> Result<Option<R>, TensorError> {
        let Some(watched) = self.watch.take().0.filter(|watched| !watched.resized) else { return Ok(None) };
        let mut taken = watched.sample.taken();
        // What nobody wrote to is as it was.
        (0..watched.part.runs()).try_for_each(|run| watched.take(&mut taken, run, self))?;
        let places = watched.part.place..watched.part.place.saturating_add(watched.part.elements());
        let (before, after) = (taken.before.get(places.clone()), taken.after.get(places));
        Ok(before.zip(after).map(|(before, after)| show(before, after)))
    }
}

impl Watched {
    /// Takes a run of a tensor, if nobody has.
    fn take(&self, taken: &mut Taken, run: u64, tensor: &Tensor) -> Result<(), TensorError> {
        let Taken { before, after, runs } = taken;
        let Some(known) = runs.get_mut(self.part.first.saturating_add(run as usize)) else { return Ok(()) };
        if *known {
            return Ok(());
        }
        self.read(before, run, tensor)?;
        *known = true;
        let (_, _, places) = self.part.bounds(run);
        if let (Some(before), Some(after)) = (before.get(places.clone()), after.get_mut(places)) {
            after.copy_from_slice(before);
        }
        Ok(())
    }

    /// Reads a run of a tensor.
    fn read(&self, into: &mut [f64], run: u64, tensor: &Tensor) -> Result<(), TensorError> {
        let (first, last, places) = self.part.bounds(run);
        let (size, count) = (tensor.dtype.size() as u64, last - first);
        let bytes =
            tensor.read(first.saturating_sub(self.offset).saturating_mul(size), (count * size) as usize)?;
        if let Some(into) = into.get_mut(places) {
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
