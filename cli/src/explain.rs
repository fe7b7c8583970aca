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
    use std::io::ErrorKind;

    use flip_runtime::services::ServiceError;
    use flip_runtime::{
        Allowed, Code, ContractError, Digest, Error, Failed, LimitReached, Limits, TensorError,
    };
    use serde_json::{Value, json};

    use super::*;

    /// The limits that only bound: no error names them.
    const UNSAID: [&str; 3] = ["cores", "log-line", "gauges"];

    fn defaults() -> serde_json::Map<String, Value> {
        serde_json::to_value(Limits::DEFAULT).unwrap().as_object().unwrap().clone()
    }

    /// A limit's figure, in the way in which all of them are written.
    fn figure(limit: &str, written: &str) -> Value {
        let written: Value = serde_json::from_str(written).unwrap_or_else(|_| json!(written));
        let limits: Limits = serde_json::from_value(json!({ limit: written })).unwrap();
        serde_json::to_value(limits).unwrap()[limit].clone()
    }

    #[test]
    fn the_page_has_every_code_and_every_limit_and_nothing_else() {
        for code in Code::ALL {
            let entry = find(code.name()).unwrap();
            assert!(entry.text.starts_with(&format!("Exit code {}.", *code as u8)), "{}", entry.name);
            assert_eq!(find(&(*code as u8).to_string()).unwrap().name, code.name());
        }
        // That of a test whose cases failed, which is no error.
        assert_eq!(find("1").unwrap().name, "case-failed");
        let limits = defaults();
        for (limit, default) in &limits {
            let entry = find(limit).unwrap();
            assert_eq!(entry.name, limit);
            let told = entry.text.strip_prefix("Default `").unwrap().split_once("`.").unwrap().0;
            assert_eq!(figure(limit, told), *default, "{limit}");
            let line = entry.text.split_once(&format!("limits = {{ {limit} = ")).unwrap().1;
            assert_ne!(figure(limit, line.split_once(" }").unwrap().0), *default, "{limit}");
            let message = format!("my_filter: limit {limit} reached: 1 allowed");
            let found = find(&message).map(|entry| entry.name);
            assert_eq!(found, (!UNSAID.contains(&&**limit)).then_some(&**limit), "{message}");
        }
        let told = ["invalid-argument", "invalid-data", "not-found", "quota-exceeded", "unavailable"];
        let others = ["case-failed", "trapped", "no-place", "poisoned"];
        assert_eq!(entries().count(), Code::ALL.len() + limits.len() + told.len() + others.len());
        assert!(told.iter().chain(&others).all(|name| find(name).is_some()));
        for entry in entries() {
            for part in ["Usual cause", "Change"] {
                let told = entry.text.split_once(&format!("\n\n**{part}:** ")).map(|(_, told)| told);
                let is_told = told.is_some_and(|told| told.starts_with(char::is_alphanumeric));
                assert!(is_told, "{}: {part}", entry.name);
            }
        }
    }

    /// The first error, and of each the next one: a new one has to be put among them.
    fn after(error: Option<&Error>) -> Option<Error> {
        let text = str::to_owned;
        let component = || text("my_filter");
        let path = || "file".into();
        let reached = LimitReached { limit: "memory", allowed: Allowed::Bytes(1 << 20) };
        Some(match error {
            None => Error::File { path: path(), source: std::io::Error::from_raw_os_error(2) },
            Some(Error::File { .. }) => {
                Error::InvalidFile { path: path(), reason: text("not a safetensors file: it ends") }
            }
            Some(Error::InvalidFile { .. }) => Error::InvalidComponent {
                component: component(),
                reason: text("not a WebAssembly component"),
            },
            Some(Error::InvalidComponent { .. }) => {
                Error::UnknownComponent { name: text("x"), known: text("y, z") }
            }
            Some(Error::UnknownComponent { .. }) => {
                let (expected, actual) = (Digest::of(b"x"), Digest::of(b"y"));
                Error::Pinned { component: component(), by: "the policy", expected, actual }
            }
            Some(Error::Pinned { .. }) => {
                Error::NoRole { component: component(), role: "dxo-filter", roles: text("none") }
            }
            Some(Error::NoRole { .. }) => Error::Withheld {
                component: component(),
                import: "clocks",
                line: text("wasi = [\"clocks\"]"),
                table: component(),
            },
            Some(Error::Withheld { .. }) => {
                Error::Args { component: component(), reason: text("args: percentile: invalid type") }
            }
            Some(Error::Args { .. }) => Error::Refused { component: component(), reason: text("gamma is 0") },
            Some(Error::Refused { .. }) => {
                Error::Failed { component: component(), error: Failed(ContractError::NotFound(text("x"))) }
            }
            Some(Error::Failed { .. }) => Error::Trapped { component: component(), reason: text("overflow") },
            Some(Error::Trapped { .. }) => {
                Error::Limit { component: component(), reached, table: component() }
            }
            Some(Error::Limit { .. }) => Error::NoPlace { component: component(), full: text("x") },
            Some(Error::NoPlace { .. }) => Error::Poisoned { component: component() },
            Some(Error::Poisoned { .. }) => Error::Config {
                file: path(),
                at: text("\"x\" (components[0]): key \"path\": "),
                reason: text("y"),
            },
            Some(Error::Config { .. }) => Error::Trace(no_trace()),
            Some(Error::Trace(_)) => Error::Busy { component: component() },
            Some(Error::Busy { .. }) => {
                Error::Policy { path: path(), reason: text("TOML parse error at line 1") }
            }
            Some(Error::Policy { .. }) => Error::Service(ServiceError::TimedOut),
            Some(Error::Service(_)) => Error::InvalidData(text("\"x\" cannot be the name of a folder")),
            Some(Error::InvalidData(_)) => Error::Tensor(TensorError::Stopped),
            Some(Error::Tensor(_)) => Error::Audit(ErrorKind::StorageFull.to_string()),
            Some(Error::Audit(_)) => Error::Setup(text("no memory")),
            Some(Error::Setup(_)) => return None,
        })
    }

    /// A trace that cannot be used.
    fn no_trace() -> flip_runtime::job::TraceError {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        match flip_runtime::job::Trace::open(&path).err() {
            Some(Error::Trace(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_error_is_explained() {
        let mut error = after(None);
        while let Some(known) = error {
            let entry = find(&known.to_string());
            assert!(entry.is_some(), "nothing explains: {known}");
            error = after(Some(&known));
        }
    }

    #[test]
    fn messages_of_the_program_lead_to_their_entries() {
        for (message, name) in [
            ("PercentilePrivacy: refused: gamma is 0, but must be positive", "refused"),
            ("x: not permitted: hub = [\"update-status\"] under [components.x]", "not-permitted"),
            ("instances = 5000: there is room for 1000, for any component", "instances"),
            ("x: trapped: wasm `unreachable` instruction executed", "trapped"),
            ("x: failed in an earlier call and cannot be called again; make a new instance", "poisoned"),
            ("x: quota exceeded: limit host-bytes reached: 1.0 MiB allowed", "host-bytes"),
            ("policy.toml: unknown field `hubs`", "invalid-input"),
            ("PercentilePrivacy: args: unknown field `percentil`, expected one of `percentile`", "usage"),
            ("missing.wasm: No such file or directory (os error 2)", "invalid-input"),
            ("FAILED  a small element becomes zero", "case-failed"),
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
