//! Plain values: what a checkpoint says about itself beside its tensors.

use std::collections::BTreeSet;

use crate::error::{Invalid, shown};
use crate::limits::{MAX_DEPTH, MAX_EXPANSION, MAX_TEXT};
use crate::pickle::arena::{Id, Loaded, Node};

/// A plain Python value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int; one that needs more than 128 bits is refused.
    Int(i128),
    /// A float, NaN and the infinities among them.
    Float(f64),
    /// A text. A `torch.device` is handed out as one, such as `cuda:0`.
    Str(String),
    /// A list.
    List(Vec<Value>),
    /// A tuple, or a `torch.Size`.
    Tuple(Vec<Value>),
    /// A dict or an OrderedDict, in its order. No text occurs as a key twice.
    Dict(Vec<(Value, Value)>),
}

/// Converts nodes to values, which copies what is shared: its budget is for all values of one checkpoint.
pub(crate) struct Expander<'a> {
    loaded: &'a Loaded,
    values: usize,
    text: usize,
    path: Vec<String>,
}

impl<'a> Expander<'a> {
    pub(crate) fn new(loaded: &'a Loaded) -> Self {
        Self { loaded, values: MAX_EXPANSION, text: MAX_TEXT, path: Vec::new() }
    }

    /// The value of the entry `name`.
    pub(crate) fn value(&mut self, name: &str, id: Id) -> Result<Value, Invalid> {
        self.path.push(shown(name));
        // The path is left as it is on an error: that ends the conversion.
        let value = self.expand(id)?;
        self.path.pop();
        Ok(value)
    }

    /// Recursion is bounded by the length of the path.
    fn expand(&mut self, id: Id) -> Result<Value, Invalid> {
        if self.path.len() > MAX_DEPTH {
            return Err(self.fail("nested too deeply"));
        }
        self.values = self
            .values
            .checked_sub(1)
            .ok_or_else(|| self.fail("too many values, the shared ones repeated"))?;
        let loaded = self.loaded;
        Ok(match loaded.get(id) {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Float(value) => Value::Float(*value),
            Node::Str(span) => Value::Str(self.copy(loaded.text(*span))?),
            Node::Tuple(items) => Value::Tuple(self.items(items)?),
            Node::List(items) => Value::List(self.items(items)?),
            Node::Dict { items, .. } => Value::Dict(self.pairs(items)?),
            Node::Device(kind, index) => {
                let mut text = self.copy(loaded.str(*kind).unwrap_or_default())?;
                if let Some(Node::Int(index)) = index.map(|index| loaded.get(index)) {
                    text.push_str(&format!(":{index}"));
                }
                Value::Str(text)
            }
            Node::Global(_) => return Err(self.fail("a class or function is no plain value")),
            Node::Storage { .. } => return Err(self.fail("a storage is no plain value")),
            Node::Tensor { .. } => return Err(self.fail("a tensor is no plain value")),
        })
    }

    fn copy(&mut self, text: &str) -> Result<String, Invalid> {
        self.text = self
            .text
            .checked_sub(text.len())
            .ok_or_else(|| self.fail("too much text, the shared repeated"))?;
        Ok(text.to_owned())
    }

    fn items(&mut self, items: &[Id]) -> Result<Vec<Value>, Invalid> {
        let mut values = Vec::new();
        for (index, &id) in items.iter().enumerate() {
            values.push(self.value(&index.to_string(), id)?);
        }
        Ok(values)
    }

    fn pairs(&mut self, items: &[(Id, Id)]) -> Result<Vec<(Value, Value)>, Invalid> {
        let loaded = self.loaded;
        let mut values = Vec::new();
        let mut seen = BTreeSet::new();
        for &(key, value) in items {
            let name = loaded.str(key);
            if name.is_some_and(|name| !seen.insert(name)) {
                return Err(Invalid::Repeated { what: "key", name: shown(name.unwrap_or_default()) });
            }
            let key = self.value("(key)", key)?;
            values.push((key, self.value(name.unwrap_or("(value)"), value)?));
        }
        Ok(values)
    }

    fn fail(&self, problem: &'static str) -> Invalid {
        // The end of a deep path says the least.
        let path = self.path.get(..8).unwrap_or(&self.path).join("/");
        Invalid::Value { path, problem }
    }
}
