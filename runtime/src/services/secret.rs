//! Keys that are shown nowhere.

use std::fmt;

/// A key or a password. It is shown as `[hidden]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

const HIDDEN: &str = "[hidden]";

/// What an error shows of a text from outside, in characters.
const EXCERPT: usize = 200;

impl Secret {
    /// The text itself, for the request that needs it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// One short line of a text from outside: without the secrets, which a server may echo, and without
/// control characters.
pub(super) fn excerpt<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    // Hidden before it is cut and escaped: half a key is no longer recognised.
    let text = secrets
        .into_iter()
        .filter(|secret| !secret.0.is_empty())
        .fold(text.trim().to_owned(), |text, secret| text.replace(&secret.0, HIDDEN));
    let shown: String = text.chars().take(EXCERPT).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT).is_some() { format!("{shown}...") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_nowhere() {
        let secret = Secret::from("k3y");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "[hidden] [hidden] Some([hidden])");
    }

    #[test]
    fn an_excerpt_is_one_short_line_without_secrets() {
        let secret = Secret::from("k3y");
        assert_eq!(excerpt(" no k3y\nhere\u{1b}[0m ", [&secret]), "no [hidden]\\nhere\\u{1b}[0m");
        let long = excerpt(&"x".repeat(1000), []);
        assert_eq!(long.len(), EXCERPT + 3);
    }

    #[test]
    fn a_secret_across_the_cut_is_hidden_whole() {
        let text = format!("{}k3yk3yk3y", "x".repeat(EXCERPT - 4));
        let shown = excerpt(&text, [&Secret::from("k3yk3yk3y")]);
        assert!(!shown.contains("k3y"), "{shown}");
    }
}
