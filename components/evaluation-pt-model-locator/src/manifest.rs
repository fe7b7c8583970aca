//! A manifest: the tensors that a model's class has, by name.

use std::collections::BTreeMap;

use checkpoint::Checkpoint;
use serde::Deserialize;

/// The bytes that a manifest may have: some hundred for each tensor.
pub const MAX_MANIFEST: usize = 16 << 20;
/// Names told of each kind of difference; then comes a count.
const TOLD: usize = 5;
/// Characters told of a name.
const LONGEST: usize = 100;

/// What a model's class expects of a checkpoint.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Manifest(BTreeMap<String, Expected>);

#[derive(Debug, Deserialize)]
struct Expected {
    dtype: String,
    shape: Vec<u64>,
}

/// How a checkpoint differs from a manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Why a strict `load_state_dict` would fail, if it would.
    pub error: Option<String>,
    /// Which tensors are of another dtype. `load_state_dict` converts them without a word; here they stay
    /// what they are.
    pub dtypes: Option<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// Holds a checkpoint against the manifest.
    pub fn compare(&self, checkpoint: &Checkpoint) -> Differences {
        let (mut missing, mut unexpected) = (List::default(), List::default());
        let (mut shapes, mut dtypes) = (List::default(), List::default());
        let mut found: BTreeMap<&str, _> =
            checkpoint.tensors().iter().map(|tensor| (tensor.name(), tensor)).collect();
        for (name, expected) in &self.0 {
            let Some(tensor) = found.remove(name.as_str()) else {
                missing.add(name, String::new);
                continue;
            };
            if tensor.shape() != expected.shape {
                shapes.add(name, || format!(" is {:?} and not {:?}", tensor.shape(), expected.shape));
            }
            let dtype = expected.dtype.strip_prefix("torch.").unwrap_or(&expected.dtype);
            if tensor.dtype().name() != dtype {
                dtypes.add(name, || format!(" is {} and not {}", tensor.dtype(), shown(dtype)));
            }
        }
        // In the file's order, which is the model's.
        for tensor in checkpoint.tensors().iter().filter(|tensor| found.contains_key(tensor.name())) {
            unexpected.add(tensor.name(), String::new);
        }
        let told = [("missing", missing), ("unexpected", unexpected), ("of another shape", shapes)];
        let told: Vec<String> = told.into_iter().filter_map(|(what, list)| list.told(what)).collect();
        Differences {
            error: (!told.is_empty()).then(|| told.join("; ")),
            dtypes: dtypes.told("of another dtype"),
        }
    }
}

/// The first few names of many.
#[derive(Default)]
struct List {
    told: Vec<String>,
    count: usize,
}

impl List {
    fn add(&mut self, name: &str, detail: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(format!("{}{}", shown(name), detail()));
        }
    }

    fn told(mut self, what: &str) -> Option<String> {
        match self.count - self.told.len() {
            0 => {}
            more => self.told.push(format!("{more} more")),
        }
        (!self.told.is_empty()).then(|| format!("{what}: {}", self.told.join(", ")))
    }
}

fn shown(name: &str) -> String {
    let mut short: String = name.chars().take(LONGEST).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}
