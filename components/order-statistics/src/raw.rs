//! Keys in a report as their bytes: as numbers one by one they would take several times as long.

use bytemuck::Pod;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<K: Pod, S: Serializer>(keys: &[K], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytemuck::cast_slice(keys))
}

pub(crate) fn deserialize<'de, K: Pod, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<K>, D::Error> {
    let bytes: &[u8] = Deserialize::deserialize(deserializer)?;
    if !bytes.len().is_multiple_of(size_of::<K>()) {
        return Err(D::Error::custom("no whole keys"));
    }
    Ok(bytemuck::allocation::pod_collect_to_vec(bytes))
}
