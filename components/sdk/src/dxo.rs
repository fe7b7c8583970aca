//! Dxos, as Rust values.

use serde::de::DeserializeOwned;

use crate::{Dtype, Dxo, Error, Tensor};

impl Dxo {
    /// A meta property, parsed.
    ///
    /// # Errors
    ///
    /// `invalid-data` where it is there and is no `T`.
    pub fn meta_as<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.meta(key)
            .map(|text| {
                serde_json::from_str(&text)
                    .map_err(|error| Error::InvalidData(format!("meta {key}: {error}")))
            })
            .transpose()
    }

    /// Replaces the tensor `name` by one of the same shape and of dtype `to`. `visit` turns the bytes of
    /// each window of `tensor` into the bytes of the new elements; it finds its output empty. Returns the
    /// new tensor.
    ///
    /// # Errors
    ///
    /// What the host answers; `invalid-data` where `visit` makes another number of elements.
    pub fn convert(
        &self,
        name: &str,
        tensor: &Tensor,
        to: Dtype,
        mut visit: impl FnMut(&[u8], &mut Vec<u8>),
    ) -> Result<Tensor, Error> {
        let converted = Tensor::create(to, &tensor.shape())?;
        let (mut elements, size) = (Vec::new(), tensor.dtype().size());
        tensor.windows(|start, window| {
            elements.clear();
            visit(window, &mut elements);
            if elements.len() / to.size() != window.len() / size {
                return Err(Error::InvalidData(format!("{name}: another number of elements")));
            }
            converted.write(start, &elements)
        })?;
        self.set_tensor(name, converted)?;
        self.tensor(name)
    }
}
