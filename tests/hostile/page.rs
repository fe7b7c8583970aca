//! The page `docs/src/attacks.md`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::table::{CommandLine, Expected, How};
use super::{Attack, FAMILIES};

const HEAD: &str = "\
# Attacks

What hostile components, and others beside them, try on this host, and how each attempt must end. After each
one the process lives, a benign component gives its right answer, and no file, temporary or open, is left.
The rows are those of the list of attacks that the suite was made from.

This page is generated from the table in `tests/hostile/`, which `cargo nextest run -E 'test(hostile)'` runs
through the library, twenty times over in one process, and, what is a filter, an update or a component of a
job, through `flip-wasm filter` or beside FLIP's own components through `flip-wasm run`. What is no such data has
a test of its own that tries the same on the program, or a reason why nothing on the command line leads there.
`cargo xtask docs` writes this page anew.
";

/// Where it stands.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/attacks.md")
}

/// What it must hold.
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    for (title, attacks) in FAMILIES {
        let _ = write!(
            text,
            "\n## {title}\n\n| row | attack | limits | outcome | run |\n|---|---|---|---|---|\n"
        );
        for attack in *attacks {
            let Attack { row, name, limits, .. } = attack;
            let limits = match limits.is_empty() {
                true => String::new(),
                false => format!("`{limits}`"),
            };
            let _ = writeln!(text, "| {row} | {name} | {limits} | {} | {} |", outcome(attack), place(attack));
        }
    }
    text
}

fn outcome(attack: &Attack) -> String {
    match (&attack.how, attack.expected) {
        (How::Elsewhere(_), _) => "see the test".to_owned(),
        (How::Nothing(why), _) => format!("nothing to attack: {why}"),
        (_, Expected::Limit(limit)) => format!("ends at the limit `{limit}`"),
        (_, Expected::Trap(reason)) => format!("traps: {reason}"),
        (_, Expected::NotPermitted(line)) => format!("is not permitted; `{line}` would allow it"),
        (_, Expected::Failed(told)) => format!("is told `{told}`, and fails"),
        (_, Expected::Refused(_)) => "refuses; the reason is one line, with its escapes shown".to_owned(),
        (_, Expected::NotLoaded(reason)) => format!("is refused before it runs: `{reason}`"),
        (_, Expected::Told(told)) => format!("is told `{}`", told.trim_end_matches(": ")),
        (_, Expected::Logged(text)) => format!("goes on; the log holds `{text}`"),
        (_, Expected::Out(out)) => format!("goes on; what goes out is `{out}`"),
        (_, Expected::Harmless(why)) => why.to_owned(),
    }
}

fn place(attack: &Attack) -> String {
    match &attack.how {
        How::Deed(_) | How::Guest(_) | How::Bytes(_) | How::Update(_) => "library, `filter`".to_owned(),
        How::Errands(_) => "library, `run`".to_owned(),
        How::Host(_, CommandLine::Test(test)) => format!("library, {}", named(test)),
        How::Host(_, CommandLine::Unreachable(why)) => format!("library; not the command line: {why}"),
        How::Elsewhere(test) => named(test),
        How::Nothing(_) => String::new(),
    }
}

/// A test, as its file and its name.
fn named(test: &str) -> String {
    format!("`{}`", test.replace("::", "` `"))
}
