//! What a checkpoint holds, whichever format it has.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Error, Invalid, shown};
use crate::legacy;
use crate::pickle::load;
use crate::source::{Source, read_exact};
use crate::state::State;
use crate::tensor::Tensor;
use crate::value::Value;
use crate::zip::Archive;

/// The contents of a checkpoint: its tensors in the order of the state dict, and what is said beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    tensors: Vec<Tensor>,
    meta_props: Option<Value>,
    train_conf: Option<Value>,
    other: Vec<String>,
}

impl Checkpoint {
    /// The tensors, in the order of the state dict. No name occurs twice.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name() == name)
    }

    /// The bytes of all tensors together, read in row-major order: more than the file has where tensors share
    /// storages, so hold it against a limit before reading them all.
    pub fn bytes(&self) -> u64 {
        self.tensors.iter().fold(0, |sum, tensor| sum.saturating_add(tensor.bytes()))
    }

    /// NVFLARE's `meta_props`, where the file is nested and has them.
    pub fn meta_props(&self) -> Option<&Value> {
        self.meta_props.as_ref()
    }

    /// NVFLARE's `train_conf`, where the file is nested and has it.
    pub fn train_conf(&self) -> Option<&Value> {
        self.train_conf.as_ref()
    }

    /// The names of the entries beside `model`, `meta_props` and `train_conf` in a nested file, which are left
    /// unread: an optimiser's state, for instance.
    pub fn other(&self) -> &[String] {
        &self.other
    }

    pub(crate) fn open<S: Source>(source: &mut S) -> Result<Self, Error<S::Error>> {
        const ZIP: &[u8] = b"PK\x03\x04";
        /// PROTO: both formats are told apart by what torch itself looks at.
        const PICKLE: u8 = 0x80;
        let mut begins = Vec::new();
        let length = source.size().min(ZIP.len() as u64) as usize;
        read_exact(source, "the beginning of the file", 0, length, &mut begins)?;
        if begins == ZIP {
            open_zip(source)
        } else if begins.first() == Some(&PICKLE) {
            let (state, storages) = legacy::open(source)?;
            Ok(Self::build(state, &storages)?)
        } else {
            let begins = format!("{begins:02x?}");
            Err(Invalid::NotACheckpoint { begins }.into())
        }
    }

    fn build(state: State, storages: &BTreeMap<String, Range<u64>>) -> Result<Self, Invalid> {
        let mut tensors = Vec::with_capacity(state.specs.len());
        for spec in state.specs {
            let Some(place) = storages.get(&spec.key) else {
                let problem = "the file does not have it";
                return Err(Invalid::Storage {
                    key: shown(&spec.key),
                    problem,
                    declared: spec.numel,
                    found: 0,
                });
            };
            tensors.push(Tensor::new(spec, place.clone())?);
        }
        let State { meta_props, train_conf, other, .. } = state;
        Ok(Self { tensors, meta_props, train_conf, other })
    }
}

fn open_zip<S: Source>(source: &mut S) -> Result<Checkpoint, Error<S::Error>> {
    let mut archive = Archive::open(source)?;
    let place = archive.pickle(source)?;
    let (loaded, _) = load(source, place.start, place.end)?;
    let state = State::of(&loaded)?;
    drop(loaded);
    let mut storages = BTreeMap::new();
    for spec in &state.specs {
        if !storages.contains_key(&spec.key) {
            let place = archive.storage(source, &spec.key)?;
            storages.insert(spec.key.clone(), place);
        }
    }
    Ok(Checkpoint::build(state, &storages)?)
}
