//! JSON objects that a component is given.

use serde::de::DeserializeOwned;

use crate::Error;

/// What a JSON object stands for; `what` is its name in errors.
///
/// # Errors
///
/// `invalid-argument` says what does not fit, and where.
pub fn object<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Error> {
    // Serde would take a list for a struct as well, by position.
    if !json.trim_ascii_start().starts_with('{') {
        return Err(Error::InvalidArgument(format!("{what}: not a JSON object")));
    }
    let mut text = serde_json::Deserializer::from_str(json);
    let parsed = serde_path_to_error::deserialize(&mut text)
        .map_err(|error| Error::InvalidArgument(format!("{what}: {}", named(&error))))?;
    text.end().map_err(|error| Error::InvalidArgument(format!("{what}: {error}")))?;
    Ok(parsed)
}

/// The error with the key where it is.
fn named(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let key = error.path().to_string();
    let error = error.inner();
    // What serde says of unknown and missing keys names them.
    match key == "." || error.to_string().contains(&format!("`{key}`")) {
        true => error.to_string(),
        false => format!("{key}: {error}"),
    }
}
