//! The types of elements, by NumPy's and by safetensors' names.

use std::fmt;

use super::Dtype;

impl Dtype {
    /// Every dtype.
    pub const ALL: [Self; 13] = [
        Self::Bool,
        Self::Int8,
        Self::Uint8,
        Self::Int16,
        Self::Uint16,
        Self::Int32,
        Self::Uint32,
        Self::Int64,
        Self::Uint64,
        Self::Float16,
        Self::Bfloat16,
        Self::Float32,
        Self::Float64,
    ];

    /// The size of one element in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::Uint8 => 1,
            Self::Int16 | Self::Uint16 | Self::Float16 | Self::Bfloat16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Int64 | Self::Uint64 | Self::Float64 => 8,
        }
    }

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// The name in a safetensors header.
    pub fn safetensors_name(self) -> &'static str {
        self.names().1
    }

    /// The dtype that a safetensors header calls `name`; none for the types that NumPy lacks.
    pub fn from_safetensors_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.safetensors_name() == name)
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Bool => ("bool", "BOOL"),
            Self::Int8 => ("int8", "I8"),
            Self::Uint8 => ("uint8", "U8"),
            Self::Int16 => ("int16", "I16"),
            Self::Uint16 => ("uint16", "U16"),
            Self::Int32 => ("int32", "I32"),
            Self::Uint32 => ("uint32", "U32"),
            Self::Int64 => ("int64", "I64"),
            Self::Uint64 => ("uint64", "U64"),
            Self::Float16 => ("float16", "F16"),
            Self::Bfloat16 => ("bfloat16", "BF16"),
            Self::Float32 => ("float32", "F32"),
            Self::Float64 => ("float64", "F64"),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
