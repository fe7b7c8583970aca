//! What an error says to a reader of the log.

use crate::Error;

impl Error {
    /// The error in words, such as `not found: save/7f`.
    pub fn describe(&self) -> String {
        let (kind, text) = match self {
            Self::InvalidArgument(text) => ("invalid argument", text),
            Self::InvalidData(text) => ("invalid data", text),
            Self::NotFound(text) => ("not found", text),
            Self::NotPermitted(text) => ("not permitted", text),
            Self::QuotaExceeded(text) => ("quota exceeded", text),
            Self::Unavailable(text) => ("unavailable", text),
            Self::Aborted => return "the run is being aborted".to_owned(),
        };
        format!("{kind}: {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_its_kind_and_its_text() {
        assert_eq!(Error::NotFound("save/7f".to_owned()).describe(), "not found: save/7f");
        assert_eq!(Error::Aborted.describe(), "the run is being aborted");
    }
}
