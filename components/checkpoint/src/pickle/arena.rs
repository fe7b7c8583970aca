//! What a pickle makes: nodes in one vector that name each other by number. Sharing costs nothing, a cycle
//! is harmless until it is followed, and dropping the whole needs no recursion however deep it nests.

use crate::dtype::Dtype;

/// A node's number. Only the arena makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// A piece of the pickle's own bytes: texts are not copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    pub(crate) fn bytes(self, data: &[u8]) -> &[u8] {
        let start = self.start as usize;
        data.get(start..start.saturating_add(self.len as usize)).unwrap_or_default()
    }
}

/// The globals that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Device,
    Storage(Dtype),
}

impl Global {
    pub(crate) fn named(module: &[u8], name: &[u8]) -> Option<Self> {
        Some(match (module, name) {
            (b"collections", b"OrderedDict") => Self::OrderedDict,
            (b"torch._utils", b"_rebuild_tensor_v2") => Self::RebuildTensor,
            (b"torch._utils", b"_rebuild_parameter") => Self::RebuildParameter,
            (b"torch", b"Size") => Self::Size,
            (b"torch", b"device") => Self::Device,
            (b"torch", class) => Self::Storage(Dtype::of_storage(std::str::from_utf8(class).ok()?)?),
            _ => return None,
        })
    }
}

#[derive(Debug)]
pub(crate) enum Node {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Span),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict { ordered: bool, items: Vec<(Id, Id)> },
    Global(Global),
    Device(Id, Option<Id>),
    Storage { dtype: Dtype, key: Span, numel: u64 },
    Tensor { storage: Id, offset: Id, shape: Id, strides: Id },
}

impl Node {
    /// What Python would call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Tuple(_) => "tuple",
            Self::List(_) => "list",
            Self::Dict { .. } => "dict",
            Self::Global(_) => "class or function",
            Self::Device(..) => "device",
            Self::Storage { .. } => "storage",
            Self::Tensor { .. } => "tensor",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Arena {
    nodes: Vec<Node>,
}

impl Arena {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The caller bounds the number of nodes far below 2³².
    pub(crate) fn add(&mut self, node: Node) -> Id {
        let id = Id(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        id
    }

    pub(crate) fn get(&self, id: Id) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::None)
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut Node> {
        self.nodes.get_mut(id.0 as usize)
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }
}

/// A pickle that ran to its end.
pub(crate) struct Loaded {
    pub(crate) data: Vec<u8>,
    pub(crate) arena: Arena,
    pub(crate) root: Id,
}

impl Loaded {
    pub(crate) fn get(&self, id: Id) -> &Node {
        self.arena.get(id)
    }

    pub(crate) fn root(&self) -> &Node {
        self.arena.get(self.root)
    }

    /// The machine has checked that texts are UTF-8.
    pub(crate) fn text(&self, span: Span) -> &str {
        std::str::from_utf8(span.bytes(&self.data)).unwrap_or_default()
    }

    pub(crate) fn str(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Node::Str(span) => Some(self.text(*span)),
            _ => None,
        }
    }
}
