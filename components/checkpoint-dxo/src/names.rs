//! Names that become paths below a granted directory. The host checks them too; here they are told early.

/// Whether this names one entry of a directory.
pub fn is_single_part(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])
}

/// Whether this is a path that stays below where it begins: parts separated by `/`.
pub fn is_path(path: &str) -> bool {
    path.split('/').all(is_single_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_is_no_name() {
        for name in ["a", "a.pt", "..pt", "...", "é", "a b"] {
            assert!(is_single_part(name) && is_path(name), "{name}");
        }
        assert!(is_path("a/b/c.pt") && !is_single_part("a/b"));
        for path in ["", ".", "..", "/a", "a/", "a//b", "a/../b", "./a", "a/.", "a\\b", "a\0"] {
            assert!(!is_path(path), "{path:?}");
        }
    }
}
