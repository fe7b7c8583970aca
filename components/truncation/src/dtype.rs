//! What a tensor's elements are.

/// The type of a tensor's elements, little-endian in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the documentation: they are NumPy's")]
pub enum Dtype {
    Bool,
    Int8,
    Uint8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Float16,
    Bfloat16,
    Float32,
    Float64,
}

impl Dtype {
    /// The size of an element in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::Uint8 => 1,
            Self::Int16 | Self::Uint16 | Self::Float16 | Self::Bfloat16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Int64 | Self::Uint64 | Self::Float64 => 8,
        }
    }

    /// The type in which a tensor of this type is computed and returned.
    ///
    /// A float keeps its own. NumPy divides integers as float64. bfloat16, which NumPy does not know, is
    /// computed as float32.
    #[must_use]
    pub const fn output(self) -> Self {
        match self {
            Self::Float16 | Self::Float32 | Self::Float64 => self,
            Self::Bfloat16 => Self::Float32,
            _ => Self::Float64,
        }
    }
}
