//! What is granted, as it stands in a policy, and the lines that would grant more.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::iter;

use flip_report::text::is_hidden;

use super::{Access, Grants, WasiBit};
use crate::services::Root;

/// The most of what is granted that a line repeats, in bytes.
const MAX_REPEATED: usize = 400;

impl Grants {
    /// What [`Grants::of_interface`] says where nothing is granted.
    pub const NOTHING: &str = "nothing";

    /// What is granted of an interface, as it stands in a policy; none for interfaces that every component
    /// may use.
    pub fn of_interface(&self, interface: &str) -> Option<String> {
        let interface = interface.split('@').next().unwrap_or_default();
        let list = |key: &str, items: Vec<String>| match items.is_empty() {
            true => Self::NOTHING.to_owned(),
            false => format!("{key} = [{}]", items.join(", ")),
        };
        Some(match interface {
            "flip:fl/events" => list("events", self.events.iter().map(quoted).collect()),
            "flip:fl/storage" => match self.directories.is_empty() {
                true => Self::NOTHING.to_owned(),
                false => directories_line(&self.directories),
            },
            "flip:fl/cleanup" => list("cleanup", self.cleanup.iter().map(quoted).collect()),
            "flip:fl/object-store" => {
                let verbs =
                    list("object-store", self.object_store.iter().map(|verb| quoted(verb.name())).collect());
                match &self.object_prefixes {
                    Some(prefixes) if !self.object_store.is_empty() => {
                        let prefixes = prefixes.iter().map(quoted).collect::<Vec<_>>();
                        format!("{verbs}, object-prefixes = [{}]", prefixes.join(", "))
                    }
                    _ => verbs,
                }
            }
            "flip:fl/exchange" if !self.may_change.is_empty() => {
                list("may-change", self.may_change.iter().map(|change| quoted(change.name())).collect())
            }
            _ if WasiBit::of_interface(interface).is_some() => match &self.wasi {
                Some(bits) => list("wasi", bits.iter().map(|bit| quoted(bit.name())).collect()),
                None => return None,
            },
            "flip:fl/hub" => list("hub", self.hub.iter().map(|verb| quoted(verb.name())).collect()),
            "flip:fl/peers" => list("peers", self.peers.iter().map(|role| quoted(role.name())).collect()),
            _ => return None,
        })
    }

    /// The line that grants this access to a directory, and to the others what is granted now.
    pub(crate) fn directories_with(&self, root: Root, access: Access) -> String {
        let mut directories = self.directories.clone();
        directories.insert(root, access);
        directories_line(&directories)
    }

    /// The line that withholds this part of WASI no longer.
    pub(crate) fn wasi_with(&self, bit: WasiBit) -> String {
        line_with("wasi", self.wasi.iter().flatten().map(|bit| bit.name()), bit.name())
    }
}

/// The line of a key that grants one thing more: what is granted under it now stands there too, for a key cannot come
/// twice, and what a line leaves out is granted no more. Where that is much, it says only what to add.
pub(crate) fn line_with<T: Display>(
    key: &str,
    granted: impl IntoIterator<Item = T>,
    missing: impl Display,
) -> String {
    let missing = quoted(missing);
    let mut items = String::new();
    for item in granted {
        items.extend([&*quoted(item), ", "]);
        if items.len() > MAX_REPEATED {
            return format!("{key}: add {missing}");
        }
    }
    format!("{key} = [{items}{missing}]")
}

fn directories_line(directories: &BTreeMap<Root, Access>) -> String {
    let items = directories.iter().map(|(root, access)| format!("{root} = \"{}\"", access.name()));
    format!("directories = {{ {} }}", items.collect::<Vec<_>>().join(", "))
}

/// The header of a component's table, without its brackets.
pub(crate) fn header(name: &str) -> String {
    match name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        true if !name.is_empty() => format!("components.{name}"),
        _ => format!("components.{}", quoted(name)),
    }
}

/// A text as TOML writes it, on one line, with nothing in it that a terminal would act on.
fn quoted(text: impl Display) -> String {
    let text = text.to_string();
    let characters = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        hidden if is_hidden(hidden) => format!("\\U{:08x}", u32::from(hidden)),
        plain => plain.to_string(),
    });
    iter::once("\"".to_owned()).chain(characters).chain(["\"".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn granted(lines: &str) -> Grants {
        let policy: Policy = format!("[components.A]\n{lines}").parse().unwrap();
        policy.grants(&["A"]).unwrap().clone()
    }

    #[test]
    fn what_is_granted_was_shown_with_quotes_that_ended_it() {
        let grants = granted(
            r#"events = ["a\"b\\", "\u001b[2J\u202e"]
            cleanup = ['images/a"b']"#,
        );
        let said = |interface| grants.of_interface(interface).unwrap();
        assert_eq!(said("flip:fl/events"), r#"events = ["\U0000001b[2J\U0000202e", "a\"b\\"]"#);
        assert_eq!(said("flip:fl/cleanup"), r#"cleanup = ["images/a\"b"]"#);
        assert_eq!(granted(&said("flip:fl/events")).events, grants.events);
    }

    #[test]
    fn a_line_for_more_dropped_what_was_granted_before() {
        let before = granted(
            r#"directories = { job = "read", images = "read" }
            events = ["b\"", "a"]
            wasi = ["clocks"]"#,
        );
        let events = line_with("events", &before.events, "0");
        assert_eq!(events, r#"events = ["a", "b\"", "0"]"#);
        assert!(granted(&events).events.is_superset(&before.events));
        let directories = granted(&before.directories_with(Root::Job, Access::ReadWrite)).directories;
        assert_eq!(
            directories,
            BTreeMap::from([(Root::Job, Access::ReadWrite), (Root::Images, Access::Read)])
        );
        assert_eq!(before.wasi_with(WasiBit::Random), r#"wasi = ["clocks", "random"]"#);
        assert_eq!(granted("wasi = []").wasi_with(WasiBit::Random), r#"wasi = ["random"]"#);
    }

    #[test]
    fn a_line_that_would_be_long_says_what_to_add() {
        let events = |count: usize| (0..count).map(|event| format!("event-{event:03}"));
        let line = line_with("events", events(30), "a");
        assert!(granted(&line).events.len() == 31 && line.len() < 500, "{line}");
        assert_eq!(line_with("events", events(31), "a"), r#"events: add "a""#);
        // However long the missing one is, a line that repeats little is whole.
        let long = "x".repeat(2_000);
        assert!(granted(&line_with("events", ["a"], &long)).events.contains(&long));
    }

    #[test]
    fn a_table_is_named_as_toml_has_it() {
        for name in ["a-b_C1", "", "a.b", "a\"b\u{1b}", "ä"] {
            let policy: Policy = format!("[{}]\n", header(name)).parse().unwrap();
            assert_eq!(policy.names().collect::<Vec<_>>(), [name]);
        }
    }
}
