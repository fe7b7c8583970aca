//! `flip-wasm explain`: the book's page of errors, an entry at a time.

use flip_runtime::one_line;

use crate::args::Explain;
use crate::error::Usage;
use crate::print;

/// The page, whose headings of the third level are the names.
const PAGE: &str = include_str!("../../docs/src/errors.md");
/// What the line begins with that says which messages an entry explains.
const MESSAGES: &str = "**Messages:** ";

/// Explains a code, a limit or a message.
pub fn run(args: &Explain) -> anyhow::Result<()> {
    let asked = args.what.join(" ");
    match find(&asked) {
        Some(entry) => print(entry.shown().as_bytes()),
        None => {
            let names: Vec<_> = entries().map(|entry| entry.name).collect();
            let asked = one_line(&asked, 200);
            let reason = format!("nothing explains {asked:?}; there are: {}", names.join(", "));
            Err(anyhow::Error::new(Usage("flip-wasm explain CODE|LIMIT|MESSAGE")).context(reason))
        }
    }
}

/// What the page says of one name.
struct Entry {
    name: &'static str,
    text: &'static str,
}

fn entries() -> impl Iterator<Item = Entry> {
    PAGE.split("\n### `").skip(1).filter_map(|entry| {
        let (name, text) = entry.split_once("`\n")?;
        // The next heading is that of a group.
        let text = text.split("\n## ").next().unwrap_or(text);
        Some(Entry { name, text: text.trim() })
    })
}

/// The entry of this name or exit code, or the one that explains the longest part of the message.
fn find(asked: &str) -> Option<Entry> {
    let asked = asked.trim();
    let exit_code = format!("Exit code {asked}.");
    let named = entries().find(|entry| entry.name == asked || entry.text.starts_with(&exit_code));
    named.or_else(|| {
        let explained = entries().filter_map(|entry| Some((entry.explains(asked)?, entry)));
        // The first of those that explain as much.
        explained.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, entry)| entry)
    })
}

impl Entry {
    /// How much of a message it explains, in bytes.
    fn explains(&self, message: &str) -> Option<usize> {
        self.messages().filter(|known| message.contains(known)).map(str::len).max()
    }

    /// Parts of the messages that it explains.
    fn messages(&self) -> impl Iterator<Item = &'static str> {
        let line = self.text.split_once(MESSAGES).map_or("", |(_, messages)| messages);
        line.split('`').skip(1).step_by(2)
    }

    /// As a terminal shows it.
    fn shown(&self) -> String {
        let mut text = format!("{}\n\n", self.name);
        let mut in_code = false;
        for line in self.text.split(MESSAGES).next().unwrap_or_default().trim_end().lines() {
            match line.starts_with("```") {
                true => in_code = !in_code,
                false if in_code => text.extend(["    ", line, "\n"]),
                false => text.extend([&*line.replace("**", "").replace('`', ""), "\n"]),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use flip_runtime::{Code, Limits};

    use super::*;

    #[test]
    fn the_page_has_every_code_and_every_limit_and_nothing_else() {
        let codes = [
            Code::Usage,
            Code::Refused,
            Code::NotPermitted,
            Code::ComponentFailed,
            Code::InvalidInput,
            Code::ServiceFailed,
            Code::Aborted,
        ];
        for code in codes {
            let entry = find(code.name()).unwrap();
            assert!(entry.text.starts_with(&format!("Exit code {}.", code as u8)), "{}", entry.name);
            assert_eq!(find(&(code as u8).to_string()).unwrap().name, code.name());
        }
        let limits = serde_json::to_value(Limits::default()).unwrap();
        let limits: Vec<_> = limits.as_object().unwrap().keys().cloned().collect();
        for limit in &limits {
            let entry = find(&format!("my_filter: limit {limit} reached: 1 allowed")).unwrap();
            assert_eq!(entry.name, limit);
            assert!(entry.text.contains(&format!("limits = {{ {limit} = ")), "{limit}");
            let json = entry.text.split_once(&format!("{limit} = ")).unwrap().1.split(" }").next().unwrap();
            serde_json::from_str::<Limits>(&format!("{{\"{limit}\": {json}}}")).unwrap();
        }
        let told = ["invalid-argument", "invalid-data", "not-found", "quota-exceeded", "unavailable"];
        let others = ["trapped", "poisoned"];
        assert_eq!(entries().count(), codes.len() + limits.len() + told.len() + others.len());
        assert!(told.iter().chain(&others).all(|name| find(name).is_some()));
    }

    #[test]
    fn messages_of_the_program_lead_to_their_entries() {
        for (message, name) in [
            ("PercentilePrivacy: refused: gamma is 0, but must be positive", "refused"),
            ("x: not permitted: hub = [\"update-status\"] under [components.x]", "not-permitted"),
            ("x: trapped: wasm `unreachable` instruction executed", "trapped"),
            ("x: failed in an earlier call and cannot be called again; make a new instance", "poisoned"),
            ("x: quota exceeded: limit host-bytes reached: 1.0 MiB allowed", "host-bytes"),
            ("policy.toml: unknown field `hubs`", "invalid-input"),
            ("\"x\" is neither a built-in component nor a file that ends in .wasm", "usage"),
        ] {
            assert_eq!(find(message).unwrap().name, name, "{message}");
        }
        assert!(find("the weather").is_none());
    }

    #[test]
    fn what_is_shown_is_plain() {
        for entry in entries() {
            let shown = entry.shown();
            assert!(!shown.contains('`') && !shown.contains("**") && !shown.contains("Messages"), "{shown}");
            assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        }
    }
}
