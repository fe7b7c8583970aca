//! Hostile guests, from the table in this folder. After each attack the host lives, a benign component
//! gives its right answer, and memory, files and temporary files are as they were.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where its own set-up fails"
)]

mod heap;

use std::collections::{BTreeMap, BTreeSet};
use std::panic;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flip_wasm_tests::hostile::footprint::{Footprint, resident};
use flip_wasm_tests::hostile::{Attack, CommandLine, Expected, FAMILIES, How, OFTEN, family, page};
use heap::live;

/// The panics of any thread of this process: what catches them must not hide them.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            shown(panic);
        }));
    });
}

/// Runs one attack and holds it against what must come of it, and what must be left; gives by how much the heap
/// has grown.
fn attempt(attack: &Attack, footprint: &Footprint) -> Result<isize, String> {
    let (before, panics) = (live(), PANICS.load(Ordering::SeqCst));
    let Some(ended) = attack.run() else { return Ok(0) };
    let named = |what: String| format!("row {}, {}: {what}", attack.row, attack.name);
    let expected = attack.expected.check(&ended).map_err(named);
    drop(ended);
    footprint.check().map_err(named)?;
    let panics = PANICS.load(Ordering::SeqCst) - panics;
    if (panics > 0) != attack.panics {
        return Err(named(format!("there were {panics} panics")));
    }
    // What another thread gives back may come late. A little is kept for good by many an attack.
    let until = Instant::now() + Duration::from_secs(1);
    while live() > before + KEPT && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    expected.map(|()| live() - before)
}

/// How much more of the heap is not waited for, in bytes.
const KEPT: isize = 16 << 10;

/// How much more of the heap may be in use after a second run than after the first, in bytes: what is kept once
/// for all, such as the last of a pool, comes when it comes.
const RUN_SLACK: isize = 128 << 10;

/// Runs each attack of a family; those that are slow as often as they are to be run.
#[track_caller]
fn attempt_all(title: &str) {
    count_panics();
    let attacks = family(title);
    assert!(!attacks.is_empty(), "no family {title}");
    let footprint = Footprint::take();
    let mut failures = Vec::new();
    for attack in attacks {
        let started = Instant::now();
        failures.extend(attempt(attack, &footprint).err());
        println!("{:?} {}", started.elapsed(), attack.name);
        if attack.times != 2 {
            continue;
        }
        match attempt(attack, &footprint) {
            Ok(grown) if grown <= RUN_SLACK => {}
            Ok(grown) => failures.push(format!("{}: the heap has grown by {grown} bytes", attack.name)),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

macro_rules! families {
    ($($name:ident: $title:literal,)*) => {
        $(#[test]
        fn $name() {
            attempt_all($title);
        })*

        #[test]
        fn hostile_families_all_have_their_test() {
            let known: BTreeSet<_> = FAMILIES.iter().map(|(title, _)| *title).collect();
            assert_eq!(known, BTreeSet::from([$($title),*]));
        }
    };
}

families! {
    hostile_time: "Time",
    hostile_memory: "Memory",
    hostile_boundary: "What crosses the boundary",
    hostile_handles: "Handles",
    hostile_files: "Files and names",
    hostile_quotas: "Quotas of files",
    hostile_grants: "What was not granted",
    hostile_races: "Races with another process",
    hostile_archives: "Archives, models, texts",
    hostile_environment: "Network and environment",
    hostile_logs: "Logs and figures",
    hostile_loading: "Loading and compiling",
    hostile_shapes: "Shapes of components",
    hostile_state: "What earlier runs left",
    hostile_lifecycle: "Lifecycle",
    hostile_federated: "Federated learning",
}

/// How much more of the heap may be in use after the last round than after the second, in bytes, of all attacks
/// together and of any one of them.
const HEAP_SLACK: isize = 256 << 10;
const ATTACK_SLACK: isize = 64 << 10;
/// How much more may be resident: memories of components are no part of the heap, and what the allocator
/// makes of a heap that stays the same differs by tens of megabytes.
const RESIDENT_SLACK: u64 = 64 << 20;

#[test]
fn hostile_twenty_times_in_one_process_leaves_nothing_behind() {
    twenty_times(OFTEN);
}

#[test]
#[ignore = "takes some ten minutes: cargo xtask test --hostile"]
fn hostile_slow_rows_twenty_times() {
    twenty_times(2);
}

#[test]
#[ignore = "takes some twenty minutes: cargo xtask test --hostile"]
fn hostile_slowest_rows_twenty_times() {
    twenty_times(1);
}

/// Runs the attacks that are otherwise run so often, and looks at what grows from round to round.
fn twenty_times(otherwise: usize) {
    count_panics();
    let footprint = Footprint::take();
    let mut settled = (0, 0);
    let mut grown = BTreeMap::<_, isize>::new();
    for round in 0..OFTEN {
        let attacks = FAMILIES.iter().flat_map(|(_, attacks)| *attacks);
        for attack in attacks.filter(|attack| attack.times == otherwise) {
            let bytes =
                attempt(attack, &footprint).unwrap_or_else(|failure| panic!("round {round}: {failure}"));
            *grown.entry(attack.name).or_default() += if round > 1 { bytes } else { 0 };
        }
        if round == 1 {
            settled = (live(), resident());
        }
    }
    let (most, bytes) = grown.iter().max_by_key(|(_, bytes)| **bytes).unwrap();
    println!("most has grown: {bytes} bytes, {most}");
    assert!(*bytes <= ATTACK_SLACK, "{most}: the heap has grown by {bytes} bytes");
    let (heap, memory) = (live(), resident());
    println!("heap {} KiB then {} KiB", settled.0 >> 10, heap >> 10);
    println!("resident {} MiB then {} MiB", settled.1 >> 20, memory >> 20);
    assert!(heap <= settled.0 + HEAP_SLACK, "of the heap {heap} bytes are in use, not {}", settled.0);
    assert!(memory <= settled.1 + RESIDENT_SLACK, "{memory} bytes are resident, not {}", settled.1);
}

#[test]
fn hostile_rows_all_stand_in_the_table() {
    let rows: BTreeSet<_> =
        FAMILIES.iter().flat_map(|(_, attacks)| *attacks).map(|attack| attack.row).collect();
    for row in 1..=56 {
        assert!(rows.contains(&*row.to_string()), "row {row} is missing");
    }
}

#[test]
fn hostile_attacks_have_names_of_their_own() {
    let mut names = BTreeSet::new();
    for attack in FAMILIES.iter().flat_map(|(_, attacks)| *attacks) {
        assert!(names.insert(attack.name), "{} stands there twice", attack.name);
    }
}

#[test]
fn hostile_outcomes_are_expected_in_words_that_any_other_lacks() {
    for attack in FAMILIES.iter().flat_map(|(_, attacks)| *attacks) {
        let (Expected::Limit(text)
        | Expected::Trap(text)
        | Expected::Failed(text)
        | Expected::NotPermitted(text)
        | Expected::Refused(text)
        | Expected::NotLoaded(text)
        | Expected::Told(text)
        | Expected::Logged(text)
        | Expected::Out(text)
        | Expected::Harmless(text)) = attack.expected;
        assert!(!text.is_empty(), "row {}, {}: anything would do", attack.row, attack.name);
    }
}

#[test]
fn hostile_attacks_that_another_test_covers_are_covered() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for attack in FAMILIES.iter().flat_map(|(_, attacks)| *attacks) {
        let (How::Elsewhere(test) | How::Host(_, CommandLine::Test(test))) = attack.how else { continue };
        let (file, name) = test.split_once("::").unwrap();
        let of_program = !matches!(attack.how, How::Host(..)) || file.starts_with("cli/");
        assert!(of_program, "row {}, {}: {test} does not run the program", attack.row, attack.name);
        let text = std::fs::read_to_string(workspace.join(file)).unwrap();
        assert!(text.contains(&format!("fn {name}(")), "{test} is gone");
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
