//! Keys from components.

use object_store::path::Path;

use crate::services::ServiceError;

/// S3 allows so many bytes, the prefix among them.
const MAX_KEY: usize = 1024;

/// The object that a component's key names: below `prefix`, whatever it says.
pub(super) fn below(prefix: &Path, key: &str) -> Result<Path, ServiceError> {
    let invalid = |why: &str| ServiceError::InvalidArgument(format!("the key {}: {why}", shown(key)));
    if prefix.as_ref().len().saturating_add(key.len()) >= MAX_KEY {
        return Err(invalid(&format!("with the prefix it has {MAX_KEY} bytes or more")));
    }
    // `Path::parse` would drop a slash at either end.
    if key.is_empty() || key.starts_with('/') || key.ends_with('/') {
        return Err(invalid("it is empty, or a slash is at its beginning or end"));
    }
    let path = Path::parse(key)
        .map_err(|_| invalid("a part of it is empty, `.` or `..`, or holds a control character"))?;
    // To many programs that keep objects in directories, a file with such a name is one in the making.
    let part = path.filename().and_then(|name| name.rsplit_once('#'));
    if part.is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(invalid("it ends with `#` and a number"));
    }
    Ok(prefix.parts().chain(path.parts()).collect())
}

/// A key as an error shows it.
pub(super) fn shown(key: &str) -> String {
    let cut: String = key.chars().take(100).collect();
    if cut.len() < key.len() { format!("{cut:?}...") } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lies_below_the_prefix() {
        let prefix = Path::parse("results/net").unwrap();
        let path = below(&prefix, "4f0c/20240102_030405.zip").unwrap();
        assert_eq!(path.as_ref(), "results/net/4f0c/20240102_030405.zip");
        assert_eq!(below(&prefix, "a%2e%2e/ü b").unwrap().as_ref(), "results/net/a%2e%2e/ü b");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(1024);
        for key in ["", "/", "/a", "a/", "a//b", "..", "a/../../b", "./a", "a\nb", "a\0", "a#1", "a#", &long]
        {
            let error = below(&Path::ROOT, key).unwrap_err();
            assert!(matches!(&error, ServiceError::InvalidArgument(text) if text.len() < 300), "{error}");
        }
    }
}
