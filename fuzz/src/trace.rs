//! Recorded traces.

use flip_runtime::job::{Trace, What};
use flip_runtime::{Dxo, MAX_DEPTH, Shareable, Tensor};

use crate::files::{in_folder, put};
use crate::message::assert_one_line;

/// A file beside the trace, for a dxo to name.
const TENSORS: &[u8] = include_bytes!("../corpus/safetensors/one_element");

/// Reads a trace to its end.
pub fn trace(data: &[u8]) {
    in_folder(|folder| {
        put(&folder.join("t"), Some(TENSORS));
        let path = folder.join("trace.jsonl");
        put(&path, Some(data));
        let trace = match Trace::open(&path) {
            Ok(trace) => trace,
            Err(error) => return assert_one_line(error),
        };
        let header = trace.header().clone();
        let lines = data.split(|byte| *byte == b'\n').count();
        let mut records = 0;
        for record in trace {
            records += 1;
            assert!(records < lines, "more records than lines");
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    assert_one_line(error);
                    continue;
                }
            };
            assert!(record.at == "server" || header.sites.contains(&record.at), "{record:?}");
            match record.what {
                What::Event { shareables, props, .. } => {
                    assert!(props.keys().all(|name| !shareables.contains_key(name)));
                    shareables.values().for_each(|shareable| check(shareable));
                }
                What::Task { data, .. } => check(&data),
                What::Result { result, .. } => check(&result),
            }
        }
    });
}

fn check(shareable: &Shareable) {
    shareable.dxo.iter().for_each(|dxo| check_dxo(dxo, 1));
}

fn check_dxo(dxo: &Dxo, depth: usize) {
    assert!(depth <= MAX_DEPTH, "depth {depth}");
    for tensor in dxo.tensors().into_iter().flat_map(|tensors| tensors.values()) {
        assert_eq!(tensor.to_bytes().map(|bytes| bytes.len() as u64).ok(), Some(Tensor::byte_len(tensor)));
    }
    dxo.members().into_iter().flat_map(|members| members.values()).for_each(|dxo| check_dxo(dxo, depth + 1));
}
