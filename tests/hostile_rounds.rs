//! Hostile guests, from the table in `tests/hostile/`, through the library. After each attack the host lives, a
//! benign component gives its right answer, and memory, files and temporary files are as they were.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flip_wasm_tests::hostile::footprint::{Footprint, mappings, resident};
use flip_wasm_tests::hostile::{Attack, Ended, FAMILIES, How, OFTEN, family, state};
use flip_wasm_tests::{runtime, servers};

use crate::heap::{forget_peak, live, peak};
use crate::hostile_covered;

/// The panics of any thread of this process, in the code of the tests and in any other: what catches them must not hide
/// them.
static OWN_PANICS: AtomicUsize = AtomicUsize::new(0);
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let own = panic.location().is_some_and(|location| is_of_the_tests(location.file()));
            if own { &OWN_PANICS } else { &PANICS }.fetch_add(1, Ordering::SeqCst);
            shown(panic);
        }));
    });
}

fn is_of_the_tests(file: &str) -> bool {
    file.starts_with("tests/")
}

fn panics() -> (usize, usize) {
    (OWN_PANICS.load(Ordering::SeqCst), PANICS.load(Ordering::SeqCst))
}

/// Runs it, as the table says or as its test does; none where there is nothing to run.
fn run(attack: &Attack) -> Option<Ended> {
    let How::Test(test, _) = attack.how else { return attack.run() };
    let run = hostile_covered::test(test).unwrap_or_else(|| panic!("{test} is not listed"));
    run();
    // What the process has logged for it is nothing that its attack has left.
    servers::forget_logged();
    Some(Ok("as it says".to_owned()))
}

/// Runs one attack and holds it against what must come of it, and what must be left; gives by how much the heap
/// has grown.
fn attempt(attack: &Attack, footprint: &Footprint) -> Result<isize, String> {
    forget_peak();
    let (before, panicked) = (live(), panics());
    let Some(ended) = run(attack) else { return Ok(0) };
    let named = |what: String| format!("row {}, {}: {what}", attack.row, attack.name);
    let expected = attack.expected.check(&ended).map_err(named);
    drop(ended);
    let most = peak() - before;
    if most > MOST {
        return Err(named(format!("the heap had {most} bytes more at a time, where {MOST} may be")));
    }
    footprint.check().map_err(named)?;
    let (own, others) = (panics().0 - panicked.0, panics().1 - panicked.1);
    if others > 0 || (own > 0) != attack.panics {
        return Err(named(format!("there were {own} panics of the test's own, and {others} others")));
    }
    // What another thread gives back may come late. A little is kept for good by many an attack.
    let until = Instant::now() + Duration::from_secs(1);
    while live() > before + KEPT && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    expected.map(|()| live() - before)
}

/// How much more of the heap may be in use at a time while one is run, in bytes, of the test's own too.
const MOST: isize = 192 << 20;

/// How much more of the heap is not waited for, in bytes.
const KEPT: isize = 16 << 10;

/// Runs each attack of a family, and says how long it took.
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
    hostile_realloc: "Memory for what the host hands over",
    hostile_handles: "Handles",
    hostile_files: "Files and names",
    hostile_quotas: "Quotas of files",
    hostile_grants: "What was not granted",
    hostile_races: "Races with another process",
    hostile_archives: "Archives, models, texts",
    hostile_environment: "Network and environment",
    hostile_streams: "Streams and the process itself",
    hostile_logs: "Logs and figures",
    hostile_loading: "Loading and compiling",
    hostile_shapes: "Shapes of components",
    hostile_state: "What earlier runs left",
    hostile_lifecycle: "Lifecycle",
    hostile_cut_short: "Calls that are cut short",
    hostile_roles: "Traps in each role",
    hostile_federated: "Federated learning",
}

/// How much more of the heap may be in use after the last round than after the second, in bytes.
const HEAP_SLACK: isize = 32 << 10;
/// What is said of one attack, if it keeps so much: what is loaded once, such as the system's certificates.
const TOLD: isize = 1 << 20;
/// How much more may be resident after the last round than half-way: memories of components are no part of the heap.
/// What the allocator takes from the system for a heap that stays the same grows by less from round to round.
const RESIDENT_SLACK: u64 = 64 << 20;
/// How many more threads there may be than half-way: those that serve blocking calls come and go.
const THREAD_SLACK: usize = 8;
/// How many more mappings there may be than there were at most after a round of the first half: a place that an instance
/// had stays divided as it was, and which places attacks get differs from round to round.
const MAPPING_SLACK: usize = 64;
/// How many instances are made before all: more than the places that a pool keeps while they are free, and all attacks
/// take at a time.
const PLACES: usize = 256;

#[test]
fn hostile_twenty_times_in_one_process_leaves_nothing_behind() {
    twenty_times(false);
}

#[test]
#[ignore = "takes minutes: cargo xtask test --hostile"]
fn hostile_slow_rows_twenty_times() {
    twenty_times(true);
}

/// How long each attack took in all; says so in the end, whatever the end.
#[derive(Default)]
struct Took(BTreeMap<&'static str, Duration>);

impl Drop for Took {
    fn drop(&mut self) {
        let mut took: Vec<_> = self.0.iter().map(|(name, took)| (took, name)).collect();
        took.sort();
        took.iter().rev().take(40).for_each(|(took, name)| println!("{took:?} {name}"));
    }
}

fn threads_now() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Leaves as much in the places of instances as can stay there: what is resident grows no more for that.
fn fill_places() {
    let filling = runtime().load_bytes("filling", &state::looking_for_what_was_left()).unwrap();
    let all: Vec<_> = (0..PLACES).map(|_| filling.instance().build().unwrap()).collect();
    drop(all);
}

/// Runs all that are slow, or all that are not, and looks at what grows from round to round.
fn twenty_times(slow: bool) {
    count_panics();
    fill_places();
    let footprint = Footprint::take_in_memory();
    let mut settled = (0, 0);
    let (mut threads, mut mapped) = (0, 0);
    let mut grown = BTreeMap::<_, isize>::new();
    let mut took = Took::default();
    for round in 0..OFTEN {
        let attacks = FAMILIES.iter().flat_map(|(_, attacks)| *attacks);
        for attack in attacks.filter(|attack| attack.slow == slow) {
            let started = Instant::now();
            let bytes =
                attempt(attack, &footprint).unwrap_or_else(|failure| panic!("round {round}: {failure}"));
            took.0.entry(attack.name).or_default().add_assign(started.elapsed());
            if bytes > TOLD {
                println!("round {round}: {} KiB more of the heap, {}", bytes >> 10, attack.name);
            }
            *grown.entry(attack.name).or_default() += if round > 1 { bytes } else { 0 };
        }
        println!(
            "round {round}: heap {} KiB, resident {} MiB, {} mappings",
            live() >> 10,
            resident() >> 20,
            mappings()
        );
        if round == 1 {
            settled.0 = live();
        }
        if round == OFTEN / 2 - 1 {
            settled.1 = resident();
            threads = threads_now();
        }
        if round < OFTEN / 2 {
            mapped = mappings().max(mapped);
        }
    }
    // What another thread gives back late counts for one attack and against the next.
    let (most, bytes) = grown.iter().max_by_key(|(_, bytes)| **bytes).unwrap();
    println!("most has grown: {bytes} bytes, {most}");
    let until = Instant::now() + Duration::from_secs(10);
    while live() > settled.0 + HEAP_SLACK && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (heap, memory) = (live(), resident());
    println!("heap {} KiB then {} KiB", settled.0 >> 10, heap >> 10);
    println!("resident {} MiB then {} MiB", settled.1 >> 20, memory >> 20);
    assert!(heap <= settled.0 + HEAP_SLACK, "of the heap {heap} bytes are in use, not {}", settled.0);
    println!("{threads} threads then {}", threads_now());
    assert!(threads_now() <= threads + THREAD_SLACK, "{} threads, not {threads}", threads_now());
    println!("{mapped} mappings then {}", mappings());
    assert!(mappings() <= mapped + MAPPING_SLACK, "{} mappings, not {mapped}", mappings());
    assert!(memory <= settled.1 + RESIDENT_SLACK, "{memory} bytes are resident, not {}", settled.1);
}
