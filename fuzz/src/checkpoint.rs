//! PyTorch checkpoints, their tensors' elements among them.

use std::cell::Cell;
use std::convert::Infallible;

use ::checkpoint::limits::{MAX_DEPTH, MAX_EXPANSION};
use ::checkpoint::{Checkpoint, Error, Invalid, Reader, Source, Tensor, Value};

use crate::message::assert_one_line;

/// Elements that are read of one input.
const ELEMENTS: u64 = 1 << 14;
/// Tensors that are read of one input.
const TENSORS: usize = 64;

/// Reads a checkpoint and windows of its tensors.
pub fn checkpoint(data: &[u8]) {
    let work = Cell::new(0);
    let mut reader = Reader::new(Counted { data, at_once: usize::MAX, work: &work });
    let opened = reader.checkpoint();
    // The longest way: five pickles of the legacy stream, each read by pieces that double.
    let allowed = (1 << 17) + 16 * data.len() as u64;
    assert!(work.get() <= allowed, "read {} bytes of {}", work.get(), data.len());
    if data.len() < 1 << 13 {
        // A source may give less than it was asked for: that is nothing to the reader.
        let again = Reader::new(Counted { data, at_once: 7, work: &work }).checkpoint();
        assert_eq!(format!("{opened:?}"), format!("{again:?}"));
    }
    let checkpoint = match opened {
        Ok(checkpoint) => checkpoint,
        Err(error) => return assert_one_line(error),
    };
    check(&checkpoint);
    let mut left = ELEMENTS;
    for tensor in checkpoint.tensors().iter().take(TENSORS) {
        let storage = tensor.storage();
        assert!(storage.start <= storage.end && storage.end <= data.len() as u64, "{storage:?}");
        windows(data, &mut reader, tensor, &mut left);
    }
}

/// What a checkpoint says of itself.
fn check(checkpoint: &Checkpoint) {
    let tensors = checkpoint.tensors();
    let bytes = tensors.iter().fold(0, |sum: u64, tensor| sum.saturating_add(tensor.bytes()));
    assert_eq!(bytes, checkpoint.bytes());
    let mut names: Vec<_> = tensors.iter().map(Tensor::name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name comes twice");
    for tensor in tensors.iter().take(TENSORS) {
        assert_eq!(checkpoint.tensor(tensor.name()), Some(tensor));
        assert_eq!(tensor.shape().len(), tensor.strides().len());
        assert_eq!(Some(tensor.bytes()), tensor.elements().checked_mul(tensor.dtype().size() as u64));
    }
    let mut values = 0;
    for value in [checkpoint.meta_props(), checkpoint.train_conf()].into_iter().flatten() {
        walk(value, 0, &mut values);
    }
}

/// Plain values are no more and no deeper than the limits say.
fn walk(value: &Value, depth: usize, values: &mut usize) {
    *values += 1;
    assert!(depth <= MAX_DEPTH && *values <= MAX_EXPANSION, "{values} values, at depth {depth}");
    match value {
        Value::List(items) | Value::Tuple(items) => {
            items.iter().for_each(|item| walk(item, depth + 1, values));
        }
        Value::Dict(items) => items.iter().for_each(|(key, value)| {
            walk(key, depth + 1, values);
            walk(value, depth + 1, values);
        }),
        _ => {}
    }
}

/// Windows of a tensor are what its strides say, element by element.
fn windows<S: Source<Error = Infallible>>(
    data: &[u8],
    reader: &mut Reader<S>,
    tensor: &Tensor,
    left: &mut u64,
) {
    let elements = tensor.elements();
    let some = elements.min(97);
    let middle = (elements - some) / 2;
    for (start, count) in [(0, elements.min(4096)), (middle, some), (elements - some, some)] {
        if count > *left {
            continue;
        }
        *left -= count;
        let mut window = vec![7];
        reader.read_tensor(tensor, start, count as usize, &mut window).expect("a window of a checked tensor");
        assert!(window[0] == 7 && window[1..] == expected(data, tensor, start, count), "{tensor:?} {start}");
    }
    for (start, count) in [(elements, 1), (elements + 1, 0), (u64::MAX, 2), (0, usize::MAX)] {
        let mut window = vec![7];
        let error = reader.read_tensor(tensor, start, count, &mut window).unwrap_err();
        assert!(matches!(error, Error::Invalid(Invalid::Window { .. })), "{error:?}");
        assert_eq!(window, [7]);
        assert_one_line(error);
    }
    if let Some(place) = tensor.contiguous() {
        assert_eq!(place.end - place.start, tensor.bytes());
        if elements > 0 {
            let storage = tensor.storage();
            assert!(storage.start <= place.start && place.end <= storage.end, "{place:?} in {storage:?}");
        }
    }
}

/// The plain way to read elements.
fn expected(data: &[u8], tensor: &Tensor, start: u64, count: u64) -> Vec<u8> {
    let width = tensor.dtype().size();
    let mut bytes = Vec::new();
    for index in start..start + count {
        let (mut rest, mut at) = (index, tensor.storage_offset());
        for (size, stride) in tensor.shape().iter().zip(tensor.strides()).rev() {
            at += rest % size * stride;
            rest /= size;
        }
        let at = tensor.storage().start as usize + at as usize * width;
        bytes.extend_from_slice(&data[at..at + width]);
    }
    bytes
}

/// Counts the bytes that are read.
struct Counted<'a> {
    data: &'a [u8],
    at_once: usize,
    work: &'a Cell<u64>,
}

impl Source for Counted<'_> {
    type Error = Infallible;

    fn size(&self) -> u64 {
        self.data.len() as u64
    }

    fn read(&mut self, offset: u64, len: usize, into: &mut Vec<u8>) -> Result<(), Infallible> {
        let before = into.len();
        self.data.read(offset, len.min(self.at_once), into)?;
        self.work.set(self.work.get() + (into.len() - before) as u64);
        Ok(())
    }
}
