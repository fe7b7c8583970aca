//! Reading a report: the file may come from anyone.

use serde::Deserialize;

use crate::model::{FORMAT, Report};
use crate::text::visible;

/// The largest file that is read, in bytes: a report of ten thousand moments and a thousand tensors has some two
/// million.
pub const MAX_BYTES: usize = 64 << 20;

/// The most that is shown of what the parser says, in characters.
const MAX_REASON: usize = 500;

/// Why a file is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is larger than any report.
    #[error("a report has at most {MAX_BYTES} bytes, this file has {bytes}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is not JSON, or not that of a report.
    #[error("no report of flip-wasm: {reason}")]
    NoReport {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A later version of flip-wasm wrote it.
    #[error("the report's format is {found}, and this program reads format {FORMAT}")]
    Format {
        /// Its format.
        found: u64,
    },
    /// Something in it is not what it should be.
    #[error("{path}: {reason}")]
    Invalid {
        /// Where, such as `places[1].components[0].usage.calls`.
        path: String,
        /// What the parser says, with line and column.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Head {
    report: u64,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, and where.
    ///
    /// ```
    /// let error = flip_report::Report::read(br#"{"report": 1, "version": "0.1.0", "ran": "joke"}"#).unwrap_err();
    /// assert!(error.to_string().starts_with("ran: unknown variant `joke`"), "{error}");
    /// ```
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() > MAX_BYTES {
            return Err(ReadError::TooLarge { bytes: bytes.len() });
        }
        // By itself and first: a later format may say everything else in another way.
        let head: Head = serde_json::from_slice(bytes)
            .map_err(|error| ReadError::NoReport { reason: visible(&error.to_string(), MAX_REASON) })?;
        if head.report != FORMAT {
            return Err(ReadError::Format { found: head.report });
        }
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(bytes)).map_err(|error| {
            ReadError::Invalid {
                path: visible(&error.path().to_string(), MAX_REASON),
                reason: visible(&error.inner().to_string(), MAX_REASON),
            }
        })
    }
}
