//! What the few allowed calls mean. They are carried out here on nodes; nothing is called.

use super::arena::{Arena, Global, Id, Node};

pub(super) enum Called {
    /// The call makes this.
    New(Node),
    /// The call answers one of its arguments.
    Same(Id),
}

/// REDUCE. Errors say what is wrong with the call.
pub(super) fn call(arena: &Arena, callable: Id, args: Id) -> Result<Called, &'static str> {
    let Node::Tuple(args) = arena.get(args) else { return Err("the arguments are not a tuple") };
    let Node::Global(global) = arena.get(callable) else { return Err("what it calls is not a global") };
    let nodes: Vec<&Node> = args.iter().take(8).map(|&id| arena.get(id)).collect();
    match (global, args.as_slice(), nodes.as_slice()) {
        (Global::OrderedDict, [], _) => Ok(Called::New(Node::Dict { ordered: true, items: Vec::new() })),
        (Global::RebuildTensor, &[storage, offset, shape, strides, ..], nodes) if plain_tensor(nodes) => {
            Ok(Called::New(Node::Tensor { storage, offset, shape, strides }))
        }
        (Global::RebuildParameter, &[tensor, _, _], [Node::Tensor { .. }, Node::Bool(_), _]) => {
            Ok(Called::Same(tensor))
        }
        (Global::Size, &[size], [Node::Tuple(_)]) => Ok(Called::Same(size)),
        (Global::Device, &[kind], [Node::Str(_)]) => Ok(Called::New(Node::Device(kind, None))),
        (Global::Device, &[kind, index], [Node::Str(_), Node::Int(_)]) => {
            Ok(Called::New(Node::Device(kind, Some(index))))
        }
        (Global::RebuildTensor, ..) => Err("the arguments of _rebuild_tensor_v2 are not a plain tensor's"),
        (Global::RebuildParameter, ..) => Err("the arguments of _rebuild_parameter are not a tensor's"),
        _ => Err("a global that is not called like this"),
    }
}

/// The arguments of `_rebuild_tensor_v2`: storage, offset, shape, strides, requires_grad, hooks. A seventh
/// could say that the values are conjugated or negated.
fn plain_tensor(nodes: &[&Node]) -> bool {
    let Some((six, more)) = nodes.split_first_chunk::<6>() else { return false };
    let fits = matches!(
        six,
        [
            Node::Storage { .. },
            Node::Int(_),
            Node::Tuple(_),
            Node::Tuple(_),
            Node::Bool(_),
            Node::None | Node::Dict { .. }
        ]
    );
    let empty = match more {
        [] | [Node::None] => true,
        [Node::Dict { items, .. }] => items.is_empty(),
        _ => false,
    };
    fits && empty
}

/// BINPERSID: `('storage', type, key, location, numel)`. The legacy stream adds a view, which is None in
/// files of any age that still turn up.
pub(super) fn storage(arena: &Arena, data: &[u8], id: Id) -> Result<Node, &'static str> {
    const WRONG: &str = "the persistent id is not ('storage', type, key, location, numel)";
    let Node::Tuple(items) = arena.get(id) else { return Err(WRONG) };
    let nodes: Vec<&Node> = items.iter().take(7).map(|&id| arena.get(id)).collect();
    match nodes.as_slice() {
        [
            Node::Str(tag),
            Node::Global(Global::Storage(dtype)),
            Node::Str(key),
            Node::Str(_),
            Node::Int(numel),
            view @ ..,
        ] => {
            if tag.bytes(data) != b"storage" || view.len() > 1 {
                return Err(WRONG);
            }
            if !view.iter().all(|node| matches!(node, Node::None)) {
                return Err("a storage that is a view of another");
            }
            let numel = u64::try_from(*numel).map_err(|_| "the storage's size is no size")?;
            Ok(Node::Storage { dtype: *dtype, key: *key, numel })
        }
        _ => Err(WRONG),
    }
}
