//! What the locator does, without a host: `cargo test` tests it.

use serde::Deserialize;

/// The one model.
pub const MODEL: &str = "best";
/// Its file: float32 values, little-endian, and nothing else.
pub const FILE: &str = "best.f32";
/// What its tensor is called.
pub const TENSOR: &str = "weights";

/// The args of the job's configuration: none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {}

/// The number of values in a file of this size; none where it is no whole number.
pub fn values(size: u64) -> Option<u64> {
    let value = size_of::<f32>() as u64;
    size.is_multiple_of(value).then_some(size / value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_whole_values() {
        assert_eq!((values(8), values(9), values(0)), (Some(2), None, Some(0)));
    }
}
