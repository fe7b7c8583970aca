//! A dxo's tensors, for the truncation.

use flip_sdk::{Dtype, Dxo, Error, Tensor};

/// A tensor of a dxo, open.
pub struct DxoTensor<'a> {
    dxo: &'a Dxo,
    name: String,
    tensor: Tensor,
    // Asked once: they are looked at for each of the sample's runs.
    dtype: Dtype,
    len: u64,
}

impl<'a> DxoTensor<'a> {
    /// The tensor of this name.
    ///
    /// # Errors
    ///
    /// `not-found`; `quota-exceeded` where so many cannot be open.
    pub fn open(dxo: &'a Dxo, name: &str) -> Result<Self, Error> {
        let tensor = dxo.tensor(name)?;
        let (dtype, len) = (tensor.dtype(), tensor.len());
        Ok(Self { dxo, name: name.to_owned(), tensor, dtype, len })
    }

    /// The tensors of these names.
    ///
    /// # Errors
    ///
    /// As of [`DxoTensor::open`].
    pub fn of(dxo: &'a Dxo, names: &[String]) -> Result<Vec<Self>, Error> {
        names.iter().map(|name| Self::open(dxo, name)).collect()
    }
}

impl truncation::Tensor for DxoTensor<'_> {
    type Error = Error;

    fn dtype(&self) -> truncation::Dtype {
        use truncation::Dtype as D;
        match self.dtype {
            Dtype::Bool => D::Bool,
            Dtype::Int8 => D::Int8,
            Dtype::Uint8 => D::Uint8,
            Dtype::Int16 => D::Int16,
            Dtype::Uint16 => D::Uint16,
            Dtype::Int32 => D::Int32,
            Dtype::Uint32 => D::Uint32,
            Dtype::Int64 => D::Int64,
            Dtype::Uint64 => D::Uint64,
            Dtype::Float16 => D::Float16,
            Dtype::Bfloat16 => D::Bfloat16,
            Dtype::Float32 => D::Float32,
            Dtype::Float64 => D::Float64,
        }
    }

    fn is_scalar(&self) -> bool {
        self.tensor.shape().is_empty()
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&mut self, start: u64, count: u32, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        visit(&self.tensor.read(start, count)?);
        Ok(())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        self.tensor.scan(visit)
    }

    fn map(&mut self, visit: &mut dyn FnMut(&mut [u8])) -> Result<(), Error> {
        self.tensor.map(visit)
    }

    fn convert(
        &mut self,
        to: truncation::Dtype,
        visit: &mut dyn FnMut(&[u8], &mut Vec<u8>),
    ) -> Result<(), Error> {
        // Truncation makes nothing but these two out of another dtype.
        let to = match to {
            truncation::Dtype::Float32 => Dtype::Float32,
            _ => Dtype::Float64,
        };
        self.tensor = self.dxo.convert(&self.name, &self.tensor, to, visit)?;
        self.dtype = to;
        Ok(())
    }
}
