//! CheckpointLocator: any checkpoint of a folder. Where the other locators answer none, it says what is wrong.
//!
//! Its dxo's meta describes the file: `meta_props`, `train_conf` and `other` (the names of what else it holds,
//! unread), and `unsupported`, the tensors of dtypes that no dxo has. Each is there only where the file has such.
#![cfg(target_arch = "wasm32")]

use checkpoint::Tensor;
use checkpoint_dxo::transfer::{self, Bfloat16};
use checkpoint_dxo::{CheckpointFile, ExcludeVars, description, is_single_part, json};
use flip_sdk::storage::{self, EntryKind, Root};
use flip_sdk::{Configurable, Dxo, Error, FlContext, ModelLocator};

/// Entries of the folder that are listed at a time.
const PAGE: u32 = 1000;

/// What it is configured with.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// Which tensors are left out.
    #[serde(default)]
    exclude_vars: ExcludeVars,
    /// Whether only names, dtypes and shapes matter: the elements are zeroes then.
    #[serde(default)]
    shapes_only: bool,
}

struct CheckpointLocator(Args);

impl Configurable for CheckpointLocator {
    type Args = Args;

    fn configure(args: Args) -> Result<Self, Error> {
        Ok(Self(args))
    }
}

impl ModelLocator for CheckpointLocator {
    fn model_names(&mut self, _: &FlContext) -> Result<Vec<String>, Error> {
        let folder = storage::open(Root::Checkpoints)?;
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let entries = folder.entries("", after.as_deref(), PAGE)?;
            let Some(last) = entries.last() else { return Ok(names) };
            after = Some(last.name.clone());
            let files = entries.into_iter().filter(|entry| entry.kind == EntryKind::File);
            let files = files.map(|entry| entry.name);
            names.extend(files.filter(|name| name.ends_with(".pt") || name.ends_with(".pth")));
        }
    }

    fn locate_model(&mut self, name: Option<&str>, _: &FlContext) -> Result<Option<Dxo>, Error> {
        let Some(name) = name.filter(|name| is_single_part(name)) else {
            return Err(Error::InvalidArgument("name: the name of a file is needed".to_owned()));
        };
        let folder = storage::open(Root::Checkpoints)?;
        let mut file = CheckpointFile::open(&folder, name)?;
        let takes = |tensor: &Tensor| {
            transfer::dtype(tensor.dtype(), Bfloat16::Kept).is_some()
                && !self.0.exclude_vars.covers(tensor.name())
        };
        let dxo = match self.0.shapes_only {
            true => file.shapes(Bfloat16::Kept, takes)?,
            false => file.weights(Bfloat16::Kept, takes)?,
        };
        for (key, value) in description(file.checkpoint()) {
            let invalid = |problem| Error::InvalidData(format!("{name}: {key}: {problem}"));
            dxo.set_meta(key, &json(&value).map_err(invalid)?)?;
        }
        Ok(Some(dxo))
    }
}

flip_sdk::export!(CheckpointLocator: model_locator);
