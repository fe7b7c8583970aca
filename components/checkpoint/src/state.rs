//! The object of the pickle, read as a checkpoint: which tensors, and what else.

use std::collections::{BTreeMap, BTreeSet};

use crate::dtype::Dtype;
use crate::error::{Invalid, shown};
use crate::limits::{MAX_ENTRIES, MAX_KEY, MAX_NAME, MAX_RANK};
use crate::pickle::arena::{Id, Loaded, Node};
use crate::value::{Expander, Value};

/// A tensor as the pickle describes it: not yet held against the file.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) key: String,
    pub(crate) numel: u64,
    pub(crate) offset: u64,
    pub(crate) shape: Vec<u64>,
    pub(crate) strides: Vec<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) specs: Vec<Spec>,
    /// Every storage that the pickle names, used or not.
    pub(crate) storages: BTreeMap<String, (Dtype, u64)>,
    pub(crate) meta_props: Option<Value>,
    pub(crate) train_conf: Option<Value>,
    pub(crate) other: Vec<String>,
}

impl State {
    pub(crate) fn of(loaded: &Loaded) -> Result<Self, Invalid> {
        let mut state = Self { storages: storages(loaded)?, ..Self::default() };
        let top = entries(loaded, loaded.root())?;
        let model = top.iter().find(|(name, _)| *name == "model").map(|&(_, id)| loaded.get(id));
        // A flat state dict may have a tensor called "model".
        let Some(model @ Node::Dict { .. }) = model else {
            state.specs = specs(loaded, &top)?;
            return Ok(state);
        };
        state.specs = specs(loaded, &entries(loaded, model)?)?;
        let mut expander = Expander::new(loaded);
        for (name, id) in top {
            match name {
                "model" => {}
                "meta_props" => state.meta_props = Some(expander.value(name, id)?),
                "train_conf" => state.train_conf = Some(expander.value(name, id)?),
                other => state.other.push(other.to_owned()),
            }
        }
        Ok(state)
    }
}

fn too_large(what: &str, size: usize, limit: u64) -> Result<(), Invalid> {
    match size as u64 {
        size if size > limit => Err(Invalid::TooLarge { what: what.to_owned(), size, limit }),
        _ => Ok(()),
    }
}

/// The entries of a dict whose keys are names, each once.
fn entries<'a>(loaded: &'a Loaded, dict: &'a Node) -> Result<Vec<(&'a str, Id)>, Invalid> {
    let not_a_dict = |problem: String| Invalid::NotADict { problem };
    let Node::Dict { items, .. } = dict else {
        return Err(not_a_dict(format!("it is of the kind {}", dict.kind())));
    };
    too_large("entries of the state dict", items.len(), MAX_ENTRIES)?;
    let mut seen = BTreeSet::new();
    let mut found = Vec::with_capacity(items.len());
    for &(key, value) in items {
        let Some(name) = loaded.str(key) else {
            return Err(not_a_dict(format!("one of its keys is of the kind {}", loaded.get(key).kind())));
        };
        too_large("bytes of an entry's name", name.len(), MAX_NAME as u64)?;
        if !seen.insert(name) {
            return Err(Invalid::Repeated { what: "entry", name: shown(name) });
        }
        found.push((name, value));
    }
    Ok(found)
}

fn storages(loaded: &Loaded) -> Result<BTreeMap<String, (Dtype, u64)>, Invalid> {
    let mut found: BTreeMap<String, (Dtype, u64)> = BTreeMap::new();
    for node in loaded.arena.nodes() {
        let Node::Storage { dtype, key, numel } = node else { continue };
        let key = loaded.text(*key);
        let fail = |problem, declared| Invalid::Storage { key: shown(key), problem, declared, found: *numel };
        // Keys become parts of entry names: nothing that could lead elsewhere.
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if key.is_empty() || key.len() > MAX_KEY || !plain {
            return Err(fail("not a key that torch.save writes", *numel));
        }
        match found.get(key) {
            None => {
                too_large("storages", found.len(), MAX_ENTRIES.saturating_sub(1))?;
                found.insert(key.to_owned(), (*dtype, *numel));
            }
            Some(&(other, size)) if other != *dtype || size != *numel => {
                return Err(fail("used with two dtypes or sizes", size));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

fn specs(loaded: &Loaded, entries: &[(&str, Id)]) -> Result<Vec<Spec>, Invalid> {
    const NAMED: usize = 8;
    let mut specs = Vec::new();
    let mut wrong = Vec::new();
    for &(name, id) in entries {
        match loaded.get(id) {
            Node::Tensor { storage, offset, shape, strides } => {
                specs.push(spec(loaded, name, [*storage, *offset, *shape, *strides])?);
            }
            other => wrong.push((name, other.kind())),
        }
    }
    if wrong.is_empty() {
        return Ok(specs);
    }
    let mut names: Vec<String> =
        wrong.iter().take(NAMED).map(|(name, kind)| format!("'{}' ({kind})", shown(name))).collect();
    if let Some(more) = wrong.len().checked_sub(NAMED).filter(|&more| more > 0) {
        names.push(format!("{more} more"));
    }
    Err(Invalid::NotTensors { names: names.join(", ") })
}

fn spec(loaded: &Loaded, name: &str, [storage, offset, shape, strides]: [Id; 4]) -> Result<Spec, Invalid> {
    let fail = |problem| Invalid::Tensor { tensor: shown(name), problem };
    let size = |id: Id, problem| match loaded.get(id) {
        Node::Int(number) => u64::try_from(*number).map_err(|_| fail(problem)),
        _ => Err(fail("a size or stride that is no int")),
    };
    let sizes = |id: Id, problem| match loaded.get(id) {
        Node::Tuple(items) if items.len() > MAX_RANK => Err(fail("too many dimensions")),
        Node::Tuple(items) => items.iter().map(|&item| size(item, problem)).collect(),
        _ => Err(fail("its shape or strides are no tuple")),
    };
    let Node::Storage { dtype, key, numel } = loaded.get(storage) else {
        return Err(fail("it has no storage"));
    };
    Ok(Spec {
        name: name.to_owned(),
        dtype: *dtype,
        key: loaded.text(*key).to_owned(),
        numel: *numel,
        offset: size(offset, "its storage offset is negative or too large")?,
        shape: sizes(shape, "a size is negative or too large")?,
        strides: sizes(strides, "a stride is negative or too large")?,
    })
}
