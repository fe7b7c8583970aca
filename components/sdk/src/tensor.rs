//! Tensors, through windows.

use crate::{Dtype, Error, Tensor};

/// The size of a window in bytes: it fits the second-level cache together with what is made of it.
pub const WINDOW: u32 = 256 * 1024;

impl Dtype {
    /// The size of one element in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::Uint8 => 1,
            Self::Int16 | Self::Uint16 | Self::Float16 | Self::Bfloat16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Int64 | Self::Uint64 | Self::Float64 => 8,
        }
    }
}

impl Tensor {
    /// Shows every element once, in order, in windows of whole elements; with each comes the index of
    /// its first element.
    ///
    /// # Errors
    ///
    /// What the host answers, or the first error of `visit`.
    pub fn windows(
        &self,
        mut visit: impl FnMut(u64, &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let size = self.dtype().size();
        let (len, count) = (self.len(), WINDOW / size as u32);
        let mut start = 0;
        while start < len {
            let mut window = self.read(start, count)?;
            let elements = window.len() / size;
            if elements == 0 {
                return Err(Error::InvalidData(format!("a tensor of {len} elements ended at {start}")));
            }
            visit(start, &mut window)?;
            start += elements as u64;
        }
        Ok(())
    }

    /// Shows every element once, in order, in windows of whole elements.
    ///
    /// # Errors
    ///
    /// What the host answers.
    pub fn scan(&self, mut visit: impl FnMut(&[u8])) -> Result<(), Error> {
        self.windows(|_, window| {
            visit(window);
            Ok(())
        })
    }

    /// Replaces every element, window by window; the dtype stays.
    ///
    /// # Errors
    ///
    /// What the host answers.
    pub fn map(&self, mut visit: impl FnMut(&mut [u8])) -> Result<(), Error> {
        self.windows(|start, window| {
            visit(window);
            self.write(start, window)
        })
    }
}
