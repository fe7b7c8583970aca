//! What the filter does, without a host: `cargo test` tests it.

use serde::Deserialize;

/// The args of the job's configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub limit: f64,
}

/// Clips to [-limit, limit].
pub struct Clip {
    limit: f64,
}

impl TryFrom<Args> for Clip {
    type Error = String;

    fn try_from(Args { limit }: Args) -> Result<Self, String> {
        if limit > 0.0 {
            Ok(Self { limit })
        } else {
            Err("args: limit: a number greater than 0 is needed".to_owned())
        }
    }
}

impl Clip {
    /// Clips the float32 values of a window; returns how many were beyond.
    pub fn window(&self, window: &mut [u8]) -> u64 {
        let mut clipped = 0;
        for bytes in window.as_chunks_mut().0 {
            let value = f64::from(f32::from_le_bytes(*bytes));
            // False for NaN, which thus stays.
            if value.abs() > self.limit {
                *bytes = (self.limit.copysign(value) as f32).to_le_bytes();
                clipped += 1;
            }
        }
        clipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_limit_are_clipped() {
        let clip = Clip::try_from(Args { limit: 1.0 }).unwrap();
        let mut window: Vec<u8> = [0.5_f32, -3.0, 2.0, 1.0].into_iter().flat_map(f32::to_le_bytes).collect();
        assert_eq!(clip.window(&mut window), 2);
        let values: Vec<f32> = window.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!(values, [0.5, -1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_limit_is_a_positive_number() {
        for limit in [0.0, -1.0, f64::NAN] {
            assert!(Clip::try_from(Args { limit }).is_err());
        }
    }
}
