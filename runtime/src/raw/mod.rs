//! The one module with unsafe code: bytes that are run as machine code, and memory that another language lends.
//! Whatever is unsafe says beside it why it may be done, and what the rest of the host calls is safe.
#![allow(unsafe_code, reason = "all of it is here")]

pub(crate) mod machine_code;
#[cfg(feature = "numpy")]
pub mod numpy;
