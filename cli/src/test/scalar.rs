//! Elements of tensors as they stand in a case file: numbers, `true` and `false`, `.nan`, `.inf` and `-.inf`.

use std::fmt;

use flip_runtime::Dtype;
use half::{bf16, f16};
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Bool(value) => serializer.serialize_bool(value),
            Self::Int(value) => serializer.serialize_i64(value),
            Self::Uint(value) => serializer.serialize_u64(value),
            Self::Float(value) => serializer.serialize_f64(value),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Element;
        impl Visitor<'_> for Element {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, true or false")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Int(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Uint(value))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Float(value))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Float(match text {
                    ".nan" => f64::NAN,
                    ".inf" => f64::INFINITY,
                    "-.inf" => f64::NEG_INFINITY,
                    _ => return Err(E::invalid_type(Unexpected::Str(text), &self)),
                }))
            }
        }
        deserializer.deserialize_any(Element)
    }
}

impl Scalar {
    /// Its bytes as an element of this dtype; none where it is no such element.
    pub fn to_bytes(self, dtype: Dtype) -> Option<Vec<u8>> {
        Some(match dtype {
            Dtype::Bool => match self {
                Self::Bool(value) => vec![u8::from(value)],
                _ => vec![u8::try_from(self.integer()?).ok().filter(|value| *value <= 1)?],
            },
            Dtype::Int8 => i8::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Uint8 => u8::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Int16 => i16::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Uint16 => u16::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Int32 => i32::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Uint32 => u32::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Int64 => i64::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Uint64 => u64::try_from(self.integer()?).ok()?.to_le_bytes().to_vec(),
            Dtype::Float16 => f16::from_f64(self.float()?).to_le_bytes().to_vec(),
            Dtype::Bfloat16 => bf16::from_f64(self.float()?).to_le_bytes().to_vec(),
            Dtype::Float32 => (self.float()? as f32).to_le_bytes().to_vec(),
            Dtype::Float64 => self.float()?.to_le_bytes().to_vec(),
        })
    }

    /// The element that these bytes are; none where they are not as many as the dtype has.
    pub fn of_bytes(bytes: &[u8], dtype: Dtype) -> Option<Self> {
        macro_rules! number {
            ($type:ty) => {
                <$type>::from_le_bytes(bytes.try_into().ok()?)
            };
        }
        Some(match dtype {
            Dtype::Bool => match number!(u8) {
                0 => Self::Bool(false),
                1 => Self::Bool(true),
                other => Self::Int(other.into()),
            },
            Dtype::Int8 => Self::Int(number!(i8).into()),
            Dtype::Uint8 => Self::Int(number!(u8).into()),
            Dtype::Int16 => Self::Int(number!(i16).into()),
            Dtype::Uint16 => Self::Int(number!(u16).into()),
            Dtype::Int32 => Self::Int(number!(i32).into()),
            Dtype::Uint32 => Self::Int(number!(u32).into()),
            Dtype::Int64 => Self::Int(number!(i64)),
            Dtype::Uint64 => Self::Uint(number!(u64)),
            Dtype::Float16 => Self::Float(number!(f16).into()),
            Dtype::Bfloat16 => Self::Float(number!(bf16).into()),
            Dtype::Float32 => Self::Float(shortest(number!(f32))),
            Dtype::Float64 => Self::Float(number!(f64)),
        })
    }

    fn integer(self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(value.into()),
            Self::Uint(value) => Some(value.into()),
            Self::Bool(_) | Self::Float(_) => None,
        }
    }

    /// As a number of 64 bits, which is exact for every float; a whole number that it cannot hold is none.
    pub fn float(self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(value),
            Self::Int(value) => Some(value as f64).filter(|float| *float as i128 == i128::from(value)),
            Self::Uint(value) => Some(value as f64).filter(|float| *float as i128 == i128::from(value)),
            Self::Bool(_) => None,
        }
    }
}

/// The number with the fewest digits that is this one again as a float32: 0.1, and not 0.10000000149011612.
fn shortest(value: f32) -> f64 {
    let short = value.to_string().parse().unwrap_or(f64::from(value));
    match (short as f32).to_bits() == value.to_bits() {
        true => short,
        false => f64::from(value),
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Uint(value) => value.fmt(f),
            // With the sign of a zero.
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_the_same_after_it_was_written() {
        for dtype in Dtype::ALL {
            for bits in
                [0_u64, 1, 0x7f, 0x80, 0x3dcc_cccd, 0x8000_0000, 0x7ff0_0000_0000_0000, u64::MAX >> 12]
            {
                let bytes = bits.to_le_bytes();
                let bytes = bytes.get(..dtype.size()).unwrap();
                if dtype == Dtype::Bool && bytes != [0] && bytes != [1] {
                    continue;
                }
                let scalar = Scalar::of_bytes(bytes, dtype).unwrap();
                let written = serde_saphyr::to_string(&scalar).unwrap();
                let again: Scalar = crate::test::case::parse(&written).unwrap();
                let nan = scalar.float().is_some_and(f64::is_nan);
                assert!(nan || again.to_bytes(dtype).unwrap() == bytes, "{dtype} {bits:x}: {written}");
            }
        }
    }

    #[test]
    fn what_is_no_element_is_none() {
        let none = |scalar: Scalar, dtype| assert_eq!(scalar.to_bytes(dtype), None, "{scalar} {dtype}");
        none(Scalar::Int(128), Dtype::Int8);
        none(Scalar::Int(-1), Dtype::Uint64);
        none(Scalar::Float(1.5), Dtype::Int32);
        none(Scalar::Int(2), Dtype::Bool);
        none(Scalar::Bool(true), Dtype::Float32);
        none(Scalar::Int((1 << 60) + 1), Dtype::Float64);
    }
}
