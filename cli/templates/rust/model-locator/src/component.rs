//! What the host calls. What a file holds is in `logic`.

use flip_sdk::storage::{self, Directory, Root};
use flip_sdk::{Configurable, DataKind, Dtype, Dxo, Error, FlContext, ModelLocator, log};

use crate::logic::{Args, FILE, MODEL, TENSOR, values};

struct MyComponent;

impl Configurable for MyComponent {
    type Args = Args;

    fn configure(Args {}: Args) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl ModelLocator for MyComponent {
    fn model_names(&mut self, _: &FlContext) -> Result<Vec<String>, Error> {
        Ok(vec![MODEL.to_owned()])
    }

    fn locate_model(&mut self, name: Option<&str>, _: &FlContext) -> Result<Option<Dxo>, Error> {
        if name != Some(MODEL) {
            return Ok(None);
        }
        let job = storage::open(Root::Job)?;
        match job.stat(FILE) {
            Ok(entry) => model(&job, entry.size),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn model(job: &Directory, size: u64) -> Result<Option<Dxo>, Error> {
    let Some(values) = values(size) else {
        log::error(&format!("{FILE}: {size} bytes are no whole number of float32 values"));
        return Ok(None);
    };
    let dxo = Dxo::create(DataKind::Weights)?;
    // Nothing is copied: the host reads the file when the tensor is read.
    dxo.set_tensor(TENSOR, job.tensor(FILE, 0, Dtype::Float32, &[values])?)?;
    Ok(Some(dxo))
}

flip_sdk::export!(MyComponent: model_locator);
