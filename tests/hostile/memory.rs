//! Memories, tables and instances: grown, many, and huge from the start.

use flip_runtime::{Error, Limits, Runtime};

use super::guest::{fields, filter, process};
use super::table::{Attack, CommandLine, Ended, Expected, deed, guest, host};
use crate::{context, update};

const SMALL: &str = "memory=8MiB";

pub const ATTACKS: &[Attack] = &[
    deed("8", "memory that grows without end", r#""grow""#, SMALL, Expected::Limit("memory")),
    guest(
        "8",
        "memory that grows by four gigabytes at once",
        || fields("(func $start (drop (memory.grow (i32.const 65532)))) (start $start)"),
        SMALL,
        Expected::Limit("memory"),
    ),
    guest(
        "8",
        "growth one page over a memory's own maximum",
        one_page_over,
        SMALL,
        Expected::Harmless("memory.grow answers -1, and nothing is counted"),
    ),
    guest(
        "9",
        "a memory that is larger than allowed from the start",
        || beside("(memory 4096)", 1),
        SMALL,
        Expected::Limit("memory"),
    ),
    guest(
        "9",
        "a table that is larger than allowed from the start",
        || beside("(table 90000 funcref)", 1),
        "table-elements=1000",
        Expected::Limit("table-elements"),
    ),
    guest(
        "9",
        "a table that is larger than any may be",
        || beside("(table 100000000 funcref)", 1),
        "",
        Expected::NotLoaded("it asks for more than any component may have, and no limit allows it"),
    ),
    guest(
        "10",
        "many memories, each within the limit",
        || beside("(memory 64)", 10),
        "memory=16MiB",
        Expected::Limit("memory"),
    ),
    guest(
        "10",
        "globals of a hundred instances, whose memory is the host's",
        || beside(&"(global i32 (i32.const 0))".repeat(1_500), 100),
        "memory=2MiB",
        Expected::Limit("memory"),
    ),
    guest(
        "10",
        "elements of passive segments, of which each instance has its own",
        || beside(&format!("(func $f) (elem func{})", " $f".repeat(5_000)), 120),
        SMALL,
        Expected::Limit("memory"),
    ),
    deed(
        "10",
        "handles that stay open, whose memory is the host's",
        r#""keep-handles""#,
        "memory=4MiB",
        Expected::Failed("limit memory reached"),
    ),
    deed(
        "10",
        "meta properties, whose memory is the host's, also beside tensors that lie on the disk",
        r#""fill-meta""#,
        "memory=8MiB",
        Expected::Failed("limit memory reached"),
    ),
    host(
        "10",
        "memory and tensors, each within the limit, and their sum",
        sum_of_all,
        CommandLine::Test(
            "cli/tests/hostile_filters.rs::memory_and_tensors_each_within_the_limit_end_at_their_sum",
        ),
        "memory=4MiB",
        Expected::Limit("memory"),
    ),
    guest(
        "10",
        "more memories than a component may have where nothing else is said",
        || beside("(memory 1)", 150),
        "",
        Expected::Limit("instances"),
    ),
    guest(
        "10",
        "more memories than that, where the limit is set higher",
        || beside("(memory 1)", 190),
        "instances=200",
        Expected::Harmless("a limit that allows them is kept"),
    ),
    host(
        "10",
        "filters of 125 memories each, until every place that there is is taken",
        every_place,
        CommandLine::Test("cli/tests/hostile_chains.rs::filters_that_take_every_place_are_named"),
        "",
        Expected::Harmless(
            "the one that has no place is named, and so is a benign one, which has one again when one ends",
        ),
    ),
    guest(
        "8",
        "growth to the last page that the limit has room for",
        || grown_to(128),
        "memory=8421376",
        Expected::Harmless("the limit can be reached"),
    ),
    guest(
        "8",
        "growth by a page more than the limit has room for",
        || grown_to(129),
        "memory=8421376",
        Expected::Limit("memory"),
    ),
    guest(
        "11",
        "a table that grows without end",
        || {
            fields(
                "(table $t 1 funcref) (func $start (loop $again (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $again))) (start $start)",
            )
        },
        "table-elements=10000",
        Expected::Limit("table-elements"),
    ),
    guest(
        "11",
        "a table that grows by four billion elements at once",
        || {
            fields(
                "(table $t 1 funcref) (func $start (if (i32.ne (table.grow $t (ref.null func) (i32.const -2)) (i32.const -1)) (then unreachable))) (start $start)",
            )
        },
        "",
        Expected::Limit("table-elements"),
    ),
    guest(
        "11",
        "growth one element over a table's own maximum",
        || {
            fields(
                "(table $t 1 2 funcref) (func $start (if (i32.ne (table.grow $t (ref.null func) (i32.const 2)) (i32.const -1)) (then unreachable))) (start $start)",
            )
        },
        "",
        Expected::Harmless("table.grow answers -1, and nothing is counted"),
    ),
    guest("11", "many tables", || beside("(table 100 funcref)", 250), "", Expected::Limit("instances")),
    guest(
        "11",
        "many tables of one module",
        || beside(&"(table 100 funcref)".repeat(90), 2),
        "",
        Expected::Limit("instances"),
    ),
    guest("11", "a memory of 64 bits", || beside("(memory i64 1)", 1), "", Expected::NotLoaded("memory64")),
    guest("11", "a shared memory", || beside("(memory 1 1 shared)", 1), "", Expected::NotLoaded("threads")),
    guest(
        "11",
        "two memories in a module",
        || beside("(memory 1) (memory 1)", 1),
        "",
        Expected::NotLoaded("multi"),
    ),
    guest(
        "12",
        "more instances than it may have",
        || beside("", 50),
        "instances=20",
        Expected::Limit("instances"),
    ),
    guest("12", "ten thousand instances", || beside("", 10_000), "", Expected::NotLoaded("instances count")),
    guest(
        "12",
        "ten thousand instances, in components within it",
        within,
        "",
        Expected::NotLoaded("it asks for more than any component may have, and no limit allows it"),
    ),
    guest(
        "9",
        "data that lies beyond its memory",
        || fields(r#"(data (i32.const -4) "beyond")"#),
        "",
        Expected::Trap("out of bounds"),
    ),
];

/// A filter of 125 memories.
pub fn greedy() -> Vec<u8> {
    wat::parse_str(beside("(memory 1)", 124)).unwrap()
}

fn every_place(limits: Limits) -> Ended {
    // Of its own: its places are those of everybody in it.
    let runtime = Runtime::new()?;
    let greedy = runtime.load_bytes("greedy", &greedy())?;
    let benign = runtime.load_bytes("benign", &wat::parse_str(filter([])).unwrap())?;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(greedy.instance().limits(limits.clone()).build()?);
    }
    let full = greedy.instance().limits(limits).build().err().unwrap();
    assert!(matches!(&full, Error::NoPlace { component, .. } if component == "greedy"), "{full}");
    let full = benign.instance().build().err().unwrap();
    assert!(matches!(&full, Error::NoPlace { component, .. } if component == "benign"), "{full}");
    held.pop();
    benign.instance().build()?.filter(update(), &context()).map(|filtered| super::sent(&filtered.dxo))
}

/// So many instances of a module with this in it, beside those of the shell.
fn beside(definition: &str, instances: usize) -> String {
    let module = format!("(core module $beside {definition})");
    filter([("component", &(module + &"(core instance (instantiate $beside))".repeat(instances)))])
}

/// A hundred times a component that has a hundred instances.
fn within() -> String {
    let instances = "(core instance (instantiate $m))".repeat(100);
    let inner = format!("(component $inner (core module $m) {instances})");
    filter([("component", &(inner + &"(instance (instantiate $inner))".repeat(100)))])
}

/// Grows so that all memory has so many pages; those of the limit here are 128 and a half, for handles.
fn grown_to(pages: u32) -> String {
    let start = format!(
        "(func $start (if (i32.eq (memory.grow (i32.const {})) (i32.const -1)) (then unreachable))) (start $start)",
        pages - 4
    );
    fields(&start)
}

fn one_page_over() -> String {
    filter([(
        "component",
        "(core module $beside (memory 1 2)
            (func $start (if (i32.ne (memory.grow (i32.const 2)) (i32.const -1)) (then unreachable)))
            (start $start))
        (core instance (instantiate $beside))",
    )])
}

/// Traps where a tensor is refused that there is room for, or given that there is none for; then grows by what it
/// could have, had it no tensors.
pub fn summing() -> Vec<u8> {
    const MEGABYTE: &str = "(i64.store (i32.const 32) (i64.const 262144))
        (call $create (i32.const 11) (i32.const 32) (i32.const 1) (i32.const 64))";
    let text = process(&format!(
        "{MEGABYTE} (if (i32.load8_u (i32.const 64)) (then unreachable))
        {MEGABYTE} (if (i32.load8_u (i32.const 64)) (then unreachable))
        {MEGABYTE} (if (i32.load8_u (i32.const 64)) (then unreachable))
        {MEGABYTE} (if (i32.eqz (i32.load8_u (i32.const 64))) (then unreachable))
        (drop (memory.grow (i32.const 40)))"
    ));
    wat::parse_str(text).unwrap()
}

fn sum_of_all(limits: Limits) -> Ended {
    let component = crate::runtime().load_bytes("hostile", &summing())?;
    let mut filter = component.instance().limits(limits).build()?;
    filter.filter(update(), &context()).map(|_| "it grew".to_owned())
}
