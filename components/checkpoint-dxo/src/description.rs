//! What a checkpoint says of itself beside its weights.

use checkpoint::{Checkpoint, Value};

use crate::transfer::{Bfloat16, dtype};

/// What there is of: `meta_props` and `train_conf`; `other`, the names of the entries that are left unread; and
/// `unsupported`, the tensors of dtypes that no dxo has.
pub fn description(checkpoint: &Checkpoint) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::Str(text.to_owned());
    let other = checkpoint.other().iter().map(|name| text(name)).collect::<Vec<_>>();
    let unsupported =
        checkpoint.tensors().iter().filter(|tensor| dtype(tensor.dtype(), Bfloat16::Kept).is_none());
    let unsupported = unsupported.map(|tensor| {
        let shape = tensor.shape().iter().map(|&size| Value::Int(size.into())).collect();
        Value::Dict(vec![
            (text("name"), text(tensor.name())),
            (text("dtype"), text(tensor.dtype().name())),
            (text("shape"), Value::List(shape)),
        ])
    });
    let listed = |values: Vec<Value>| (!values.is_empty()).then_some(Value::List(values));
    [
        ("meta_props", checkpoint.meta_props().cloned()),
        ("train_conf", checkpoint.train_conf().cloned()),
        ("other", listed(other)),
        ("unsupported", listed(unsupported.collect())),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect()
}
