//! What files and objects hold, as it stands in a case file.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flip_runtime::Digest;
use flip_runtime::testing::Found;
use serde::{Deserialize, Serialize};
use zip::ZipArchive;

/// More bytes than these are written as a digest.
const MOST_WRITTEN: usize = 4_000;
/// The most that an archive's entry is unpacked to, in bytes.
const MOST_UNPACKED: u64 = 64 << 20;

/// What lies at a path, or under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// A file that holds this text.
    Text(String),
    /// Something else.
    Other(Other),
}

/// What is no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Other {
    /// A file that holds these bytes.
    Base64(String),
    /// A file that holds what this file holds, beside the case file.
    File(String),
    /// A link to this.
    Link(PathBuf),
    /// A folder without anything in it, where this is true.
    EmptyFolder(bool),
    /// A file with this digest: expected, and too long to stand there.
    Sha256(Digest),
    /// A zip archive with these entries: expected.
    Zip(BTreeMap<String, Content>),
}

impl Content {
    /// What is put there. Files are beside the case file, in `folder`.
    pub fn planted(&self, folder: &Path) -> Result<Found, String> {
        Ok(match self {
            Self::Text(text) => Found::File(text.clone().into()),
            Self::Other(Other::Base64(text)) => {
                let bytes = STANDARD.decode(text.split_whitespace().collect::<String>());
                Found::File(bytes.map_err(|error| format!("base64: {error}"))?)
            }
            Self::Other(Other::File(path)) => {
                let path = folder.join(path);
                Found::File(contents(&path).map_err(|error| format!("{}: {error}", path.display()))?)
            }
            Self::Other(Other::Link(target)) => Found::Link(target.clone()),
            Self::Other(Other::EmptyFolder(_)) => Found::EmptyFolder,
            Self::Other(Other::Sha256(_) | Other::Zip(_)) => {
                return Err("a digest or an archive's entries can be expected, but not put there".to_owned());
            }
        })
    }

    /// Whether this is what was found.
    pub fn is(&self, found: &Found, folder: &Path) -> Result<bool, String> {
        Ok(match (self, found) {
            (Self::Other(Other::Sha256(digest)), Found::File(bytes)) => Digest::of(bytes) == *digest,
            (Self::Other(Other::Zip(expected)), Found::File(bytes)) => {
                let Some(entries) = unpacked(bytes) else { return Ok(false) };
                let same_names = entries.keys().eq(expected.keys());
                let mut pairs = expected.values().zip(entries.values());
                same_names
                    && pairs.try_fold(true, |same, (one, other)| {
                        Ok::<_, String>(same && one.is(other, folder)?)
                    })?
            }
            (Self::Other(Other::Sha256(_) | Other::Zip(_)), _) => false,
            (content, found) => content.planted(folder)? == *found,
        })
    }

    /// What something looks like in a case file.
    pub fn of(found: &Found) -> Self {
        match found {
            Found::Link(target) => Self::Other(Other::Link(target.clone())),
            Found::EmptyFolder => Self::Other(Other::EmptyFolder(true)),
            Found::File(bytes) => {
                if let Some(entries) = unpacked(bytes) {
                    let entries = entries.iter().map(|(name, found)| (name.clone(), Self::of(found)));
                    return Self::Other(Other::Zip(entries.collect()));
                }
                match std::str::from_utf8(bytes) {
                    _ if bytes.len() > MOST_WRITTEN => Self::Other(Other::Sha256(Digest::of(bytes))),
                    Ok(text)
                        if !text.contains(|character: char| character.is_control() && character != '\n') =>
                    {
                        Self::Text(text.to_owned())
                    }
                    _ => Self::Other(Other::Base64(STANDARD.encode(bytes))),
                }
            }
        }
    }
}

/// What a file holds. A device never ends, and a pipe may never begin.
fn contents(path: &Path) -> std::io::Result<Vec<u8>> {
    match std::fs::metadata(path)?.is_file() {
        true => std::fs::read(path),
        false => Err(std::io::Error::other("not a regular file")),
    }
}

/// The entries of a zip archive: what is written does not depend on the time or the compression.
fn unpacked(bytes: &[u8]) -> Option<BTreeMap<String, Found>> {
    if !bytes.starts_with(b"PK") {
        return None;
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).ok()?;
        let name = entry.name().ok()?.into_owned();
        let mut contents = Vec::new();
        match entry.is_dir() {
            true => drop(entries.insert(name, Found::EmptyFolder)),
            false => {
                entry.take(MOST_UNPACKED).read_to_end(&mut contents).ok()?;
                entries.insert(name, Found::File(contents));
            }
        }
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::case::parse;

    #[test]
    fn a_text_is_the_same_after_it_was_written() {
        let texts = [
            "",
            " ",
            "\n",
            "\n\n",
            "a\n",
            "a\n\n",
            "\na",
            " a",
            "a ",
            "a \nb",
            " a\n b\n",
            "a\n  b\nc",
            "# a",
            "a # b",
            "- a",
            "a: b",
            "a:",
            ": a",
            "null",
            "~",
            "true",
            "y",
            "1",
            "-1",
            "1e3",
            "1.5",
            "0x10",
            "0o7",
            "1_000",
            ".nan",
            ".inf",
            "-.inf",
            "'",
            "\"",
            "''",
            "\\",
            "\\n",
            "é",
            "\u{2028}",
            "\u{feff}a",
            "\u{a0}",
            "%a",
            "@a",
            "`a",
            "!a",
            "&a",
            "*a",
            "|",
            ">",
            "---",
            "--- a",
            "...",
            "=",
            "<<",
            "?",
            "? a",
            "[a",
            "{a",
            "a]",
            "{}",
            "[]",
            "2000-01-01",
        ];
        let long = ["a ".repeat(300), format!("{}\n{}", "a".repeat(300), "b".repeat(300)), "\n".repeat(5)];
        for text in texts.map(str::to_owned).into_iter().chain(long) {
            let content = Content::of(&Found::File(text.clone().into()));
            let nested = BTreeMap::from([(text.clone(), vec![(content, text.clone())])]);
            let written = serde_saphyr::to_string(&nested).unwrap();
            let again = parse::<BTreeMap<String, Vec<(Content, String)>>>(&written);
            let again = again.unwrap_or_else(|error| panic!("{text:?}: {error}\n{written}"));
            assert_eq!(again, nested, "{written}");
        }
    }
}
