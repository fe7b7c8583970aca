//! What a failure of the service is to a component.

use std::iter;

use object_store::Error;

use super::key::shown;
use crate::services::ServiceError;
use crate::services::secret::{Secret, excerpt};

/// A link, or a file, lies where a directory of a key would be.
#[derive(Debug, thiserror::Error)]
#[error("a part of it is a link, or no directory")]
pub(super) struct InTheWay;

/// Says what failed, with the operation and the key, and without credentials.
pub(super) fn translate(function: &str, key: &str, error: &Error, secrets: &[Secret]) -> ServiceError {
    let key = shown(key);
    let reason = || format!("{function} of {key}: {}", excerpt(&cause(error), secrets));
    match error {
        Error::NotFound { .. } if matches!(function, "get" | "head") => {
            ServiceError::NotFound(format!("{function} of {key}: nothing has this key"))
        }
        Error::AlreadyExists { .. } | Error::Precondition { .. } => exists(&key),
        Error::InvalidPath { .. } => ServiceError::InvalidArgument(reason()),
        Error::Generic { source, .. } if source.is::<InTheWay>() => {
            ServiceError::InvalidArgument(format!("{function} of {key}: {InTheWay}"))
        }
        _ => ServiceError::Unavailable(reason()),
    }
}

/// What `put` and `put-archive` say to a key that exists.
pub(super) fn exists(shown_key: &str) -> ServiceError {
    ServiceError::InvalidArgument(format!("the key {shown_key} exists, and nothing is overwritten"))
}

/// An error's text, from where its causes stop repeating each other, and with the code of an S3 error in
/// the place of the document: that quotes the request, a session's token in it, where the signature is
/// wrong.
fn cause(error: &Error) -> String {
    let chain = iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let texts: Vec<_> = chain.map(ToString::to_string).collect();
    let repeating =
        texts.windows(2).take_while(|pair| matches!(pair, [outer, inner] if outer.contains(inner)));
    let text = texts.get(repeating.count()..).unwrap_or_default().join(": ");
    let Some((before, document)) = text.split_once('<') else { return text };
    let code = document.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    format!("{before}{}", code.map_or("", |(code, _)| code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(text: &str) -> Error {
        Error::PermissionDenied { path: "p".to_owned(), source: text.into() }
    }

    #[test]
    fn a_document_is_reduced_to_its_code() {
        let error = denied("403: <?xml?><Error><Code>SignatureDoesNotMatch</Code><Token>t0k</Token></Error>");
        let text = translate("put", "a/b", &error, &[]).to_string();
        assert!(text.ends_with("403: SignatureDoesNotMatch") && text.contains("put of \"a/b\""), "{text}");
    }

    #[test]
    fn a_secret_that_a_server_echoes_is_hidden() {
        let text = translate("get", "k", &denied("no s3cret"), &["s3cret".into()]).to_string();
        assert!(text.ends_with("no [hidden]"), "{text}");
    }
}
