//! The one module with unsafe code: bytes that are run as machine code, and memory that another language lends.
//! Whatever is unsafe says beside it why it may be done, and what it asks of those who call it.
#![allow(unsafe_code, reason = "all of it is here")]

pub(crate) mod machine_code;
#[cfg(feature = "numpy")]
pub mod numpy;
