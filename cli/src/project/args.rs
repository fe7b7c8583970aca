//! What can be said after `flip-wasm new` and `flip-wasm build`.

use std::path::PathBuf;

use clap::Args;

use super::{Lang, Role};

/// Start a component: write a small project that works, with its tests.
///
/// The folder NAME appears whole, or not at all. Its README says what to do next.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm new my-filter --role dxo-filter --lang python")]
pub struct New {
    /// What the component is called, such as my-filter.
    #[arg(value_parser = name)]
    pub name: String,
    /// What it is for.
    #[arg(long)]
    pub role: Role,
    /// What it is written in.
    #[arg(long, default_value = "rust")]
    pub lang: Lang,
}

/// Build the component of a project.
///
/// The language's own tools do it; where one is missing, the error says how to install it.
#[derive(Args)]
#[command(after_help = "Example:\n  flip-wasm build my-filter")]
pub struct Build {
    /// The folder with the project's flip.toml.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Write the component here, in place of NAME.wasm in the project's folder.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The longest name.
const MAX_NAME: usize = 64;

/// What a Rust crate cannot be called.
const RESERVED: &str = "abstract alloc as async await become box break const continue core crate do dyn else \
    enum extern false final flip-sdk fn for gen if impl in let loop macro match mod move mut override priv \
    proc-macro pub ref return self serde static std struct super test trait true try type typeof unsafe \
    unsized use virtual where while yield";

/// A component's name: it is part of names in four languages.
pub fn name(text: &str) -> Result<String, String> {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let kebab = text.starts_with(|first: char| first.is_ascii_lowercase()) && text.split('-').all(word);
    if !kebab || text.len() > MAX_NAME {
        return Err(format!(
            "a name is made of lower-case letters and digits, with single dashes between, such as my-filter; \
             it starts with a letter and has up to {MAX_NAME} characters"
        ));
    }
    if RESERVED.split_whitespace().any(|reserved| reserved == text) {
        return Err("this name means something in Rust; choose another one".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case() {
        for good in ["a", "my-filter", "clip2", "a-3d-filter"] {
            assert_eq!(name(good).unwrap(), good);
        }
        let long = "a".repeat(65);
        for bad in
            ["", "My-filter", "my_filter", "-a", "a-", "a--b", "3d", "a b", "../a", "é", "type", &*long]
        {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
