//! The table of hostile guests in `tests/hostile/` is whole: each row has its attacks, each attack its test where it
//! has one, and its way through the command line.

use std::collections::BTreeSet;
use std::path::Path;

use flip_wasm_tests::hostile::{Attack, CommandLine, Expected, FAMILIES, How, page};

use crate::hostile_covered;

fn attacks() -> impl Iterator<Item = &'static Attack> {
    FAMILIES.iter().flat_map(|(_, attacks)| *attacks)
}

#[test]
fn hostile_rows_all_stand_in_the_table() {
    let rows: BTreeSet<_> = attacks().map(|attack| attack.row).collect();
    for row in 1..=56 {
        assert!(rows.contains(&*row.to_string()), "row {row} is missing");
    }
}

#[test]
fn hostile_attacks_have_names_of_their_own() {
    let mut names = BTreeSet::new();
    for attack in attacks() {
        assert!(names.insert(attack.name), "{} stands there twice", attack.name);
    }
}

#[test]
fn hostile_outcomes_are_expected_in_words_that_any_other_lacks() {
    for attack in attacks() {
        let (Expected::Limit(text)
        | Expected::Trap(text)
        | Expected::Failed(text)
        | Expected::NotPermitted(text)
        | Expected::Refused(text)
        | Expected::NotLoaded(text)
        | Expected::Told(text)
        | Expected::Logged(text)
        | Expected::Out(text)
        | Expected::Unchanged(text)
        | Expected::Harmless(text)) = attack.expected;
        assert!(!text.is_empty(), "row {}, {}: anything would do", attack.row, attack.name);
    }
}

#[test]
fn hostile_attacks_that_are_tests_have_them_and_no_test_is_listed_in_vain() {
    let tests = attacks().filter_map(|attack| match attack.how {
        How::Test(test, _) => Some(test),
        _ => None,
    });
    let tests: Vec<_> = tests.collect();
    for test in &tests {
        assert!(hostile_covered::test(test).is_some(), "{test} is not listed");
    }
    assert_eq!(hostile_covered::unused(&tests), [""; 0]);
}

/// Whether the program is given what it consists of, by the tests of `cli/tests/hostile.rs` and `hostile_jobs.rs`.
fn is_data(attack: &Attack) -> bool {
    matches!(attack.how, How::Deed(_) | How::Guest(_) | How::Bytes(_) | How::Update(_) | How::Errands(_))
}

#[test]
fn hostile_attacks_reach_the_command_line_as_they_say() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for attack in attacks() {
        let (How::Host(_, met) | How::Test(_, met)) = attack.how else { continue };
        let named = format!("row {}, {}", attack.row, attack.name);
        match met {
            CommandLine::Test(test) => {
                let (file, name) = test.split_once("::").unwrap();
                assert!(file.starts_with("cli/"), "{named}: {test} does not run the program");
                let text = std::fs::read_to_string(workspace.join(file)).unwrap();
                assert!(text.contains(&format!("#[test]\nfn {name}(")), "{named}: {test} is gone");
            }
            CommandLine::Row(name) => {
                let row = attacks().find(|attack| attack.name == name);
                assert!(row.is_some_and(is_data), "{named}: the program runs no row {name:?}");
            }
            CommandLine::Unreachable(why) => assert!(!why.is_empty(), "{named}"),
        }
    }
}

#[test]
fn attacks_page_is_what_the_table_says() {
    let (path, expected) = (page::path(), page::text());
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        return std::fs::write(path, expected).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        text == expected,
        "docs/src/attacks.md is not what the table says; update it with: cargo xtask docs"
    );
}
