//! Names that become a part of a path.

use flip_sdk::Error;

/// The name, where it is one plain part of a path: what it names lies in the directory itself.
///
/// # Errors
///
/// `invalid-argument` where it is empty, `.`, `..`, or holds a separator or a NUL.
pub fn path_part(name: &str) -> Result<&str, Error> {
    match matches!(name, "" | "." | "..") || name.contains(['/', '\\', '\0']) {
        true => Err(Error::InvalidArgument(format!("{name:?} is not the name of one file or directory"))),
        false => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_no_path() {
        for name in ["simulate_job", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "..."] {
            assert_eq!(path_part(name).unwrap(), name);
        }
        for name in ["", ".", "..", "a/b", "/a", "a/", "..\\a", "a\0"] {
            assert!(matches!(path_part(name), Err(Error::InvalidArgument(_))), "{name:?}");
        }
    }
}
