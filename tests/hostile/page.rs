//! The page `docs/src/attacks.md`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::table::{CommandLine, Expected, How, OFTEN};
use super::{Attack, FAMILIES};

const HEAD: &str = "\
# Attacks

What hostile components, and others beside them, try on this host, and how each attempt must end. After each
one the process lives, a benign component gives its right answer, and no file, temporary or open, is left.
The host has not panicked, save where a service of the test's own does so on purpose, and the heap, after twenty
rounds, is as large as after two.
The rows are those of the list of attacks that the suite was made from.

This page is generated from the table in `tests/hostile/`, which `cargo nextest run -E 'test(hostile)'` runs. The
last column says how. Through the library, all attacks but a few are run one after the other in one process, and that
twenty times over, in one test; those few take seconds each and are run once, and twenty times too by
`cargo xtask test --hostile`. Some are what a test of its own does: it is named, and run as often, with the same
looks at what is left. What is a filter or an update also goes through `flip-wasm filter`, and a component of a job,
beside FLIP's own components, through `flip-wasm run`, once each. For any other attack the page names a test that tries it
on the program, or a row of this table that does, or a reason why nothing on the command line leads there. Where the
time of a call is up, the program drops its future: that is how those that are dropped are met there.
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
        (How::Test(..), _) => "see the test".to_owned(),
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
        (_, Expected::Unchanged(reason)) => format!("leaves the data as it is, and says `{reason}`"),
        (_, Expected::Harmless(why)) => why.to_owned(),
    }
}

fn place(attack: &Attack) -> String {
    let library = match attack.slow {
        true => "library once".to_owned(),
        false => format!("library {OFTEN} times"),
    };
    match &attack.how {
        How::Deed(_) | How::Guest(_) | How::Bytes(_) | How::Update(_) => format!("{library}, `filter`"),
        How::Errands(_) => format!("{library}, `run`"),
        How::Host(_, met) => format!("{library}, {}", program(*met)),
        How::Test(test, met) => format!("{library} as {}, {}", named(test), program(*met)),
        How::Nothing(_) => String::new(),
    }
}

/// How the program is run.
fn program(met: CommandLine) -> String {
    match met {
        CommandLine::Test(test) => named(test),
        CommandLine::Row(name) => format!("the program as in “{name}”"),
        CommandLine::Unreachable(why) => format!("not the command line: {why}"),
    }
}

/// A test, as its file and its name.
fn named(test: &str) -> String {
    format!("`{}`", test.replace("::", "` `"))
}
