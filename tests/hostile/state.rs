//! What an earlier run has left, looked for by a later one.

use std::collections::BTreeSet;

use flip_runtime::Limits;
use serde_json::json;

use super::files::granting;
use super::guest::filter;
use super::table::{Attack, CommandLine, Ended, Expected, host};
use crate::{EVERYTHING, context, lines, on_go, runtime, update};

pub const ATTACKS: &[Attack] = &[
    host(
        "53",
        "memory, globals and tables that earlier instances have written to",
        memory_that_stays,
        CommandLine::Test("cli/tests/hostile_chains.rs::filters_of_one_component_begin_with_zeroes"),
        "",
        Expected::Harmless("each instance begins with zeroes, also where the pool gives it a place again"),
    ),
    host(
        "53",
        "random numbers that earlier instances have drawn",
        numbers_that_come_again,
        CommandLine::Test("cli/tests/hostile_chains.rs::random_numbers_never_come_again"),
        "",
        Expected::Harmless("each instance draws others, of each source of WASI's"),
    ),
    host(
        "53",
        "files that an earlier instance has begun, and directories that it has opened",
        files_that_stay,
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::files_that_an_earlier_component_began_are_nobodys",
        ),
        "",
        Expected::Harmless("a later one is shown no file, and has no handle of one"),
    ),
];

/// A filter that traps as it is configured where it finds what another one left, also beyond the mebibyte that the pool
/// keeps of a memory.
pub fn looking_for_what_was_left() -> Vec<u8> {
    let text = filter([
        (
            "fields",
            "(global $seen (mut i32) (i32.const 0)) (table $t 10 funcref) (elem declare func $none) (func $none)",
        ),
        (
            "configure",
            "(if (global.get $seen) (then unreachable))
            (if (i32.eqz (ref.is_null (table.get $t (i32.const 5)))) (then unreachable))
            (local.set 0 (i32.const 4096))
            (loop $again
                (if (i32.load (local.get 0)) (then unreachable))
                (i32.store (local.get 0) (i32.const 0x5ec2e7))
                (local.set 0 (i32.add (local.get 0) (i32.const 4)))
                (br_if $again (i32.lt_u (local.get 0) (i32.const 65536))))
            (if (i32.eq (memory.grow (i32.const 36)) (i32.const -1)) (then unreachable))
            (local.set 0 (i32.const 131072))
            (loop $more
                (if (i64.ne (i64.load (local.get 0)) (i64.const 0)) (then unreachable))
                (local.set 0 (i32.add (local.get 0) (i32.const 8)))
                (br_if $more (i32.lt_u (local.get 0) (i32.const 2621440))))
            (memory.fill (i32.const 131072) (i32.const 0x5e) (i32.const 2490368))
            (table.set $t (i32.const 5) (ref.func $none))
            (global.set $seen (i32.const 1))",
        ),
    ]);
    wat::parse_str(text).unwrap()
}

/// Forty of them, in turn and at the same time.
fn memory_that_stays(limits: Limits) -> Ended {
    let component = runtime().load_bytes("hostile", &looking_for_what_was_left())?;
    let mut kept = Vec::new();
    for number in 0..40 {
        let mut instance = component.instance().limits(limits.clone()).build()?;
        instance.filter(update(), &context())?;
        if number % 4 == 0 {
            kept.push(instance);
        }
    }
    Ok("zeroes".to_owned())
}

/// A filter that shows a number of each source as a figure.
pub fn drawing_numbers() -> Vec<u8> {
    let component = r#"
        (import "wasi:random/random@0.2.0" (instance $random
            (export "get-random-u64" (func (result u64)))))
        (import "wasi:random/insecure@0.2.0" (instance $insecure
            (export "get-insecure-random-u64" (func (result u64)))))
        (import "wasi:random/insecure-seed@0.2.0" (instance $seed
            (export "insecure-seed" (func (result (tuple u64 u64))))))
        (core func $random (canon lower (func $random "get-random-u64")))
        (core func $insecure (canon lower (func $insecure "get-insecure-random-u64")))
        (core func $seed (canon lower (func $seed "insecure-seed") (memory $memory)))"#;
    let text = filter([
        ("component", component),
        (
            "fields",
            r#"(import "random" "random" (func $random (result i64)))
            (import "random" "insecure" (func $insecure (result i64)))
            (import "random" "seed" (func $seed (param i32)))"#,
        ),
        (
            "process",
            "(memory.fill (i32.const 64) (i32.const 97) (i32.const 8))
            (call $gauge (i32.const 64) (i32.const 1) (f64.convert_i64_u (call $random)))
            (call $gauge (i32.const 64) (i32.const 2) (f64.convert_i64_u (call $insecure)))
            (call $seed (i32.const 128))
            (call $gauge (i32.const 64) (i32.const 3) (f64.convert_i64_u (i64.load (i32.const 128))))",
        ),
        (
            "instances",
            r#"(with "random" (instance (export "random" (func $random)) (export "insecure" (func $insecure))
                (export "seed" (func $seed))))"#,
        ),
    ]);
    wat::parse_str(text).unwrap()
}

fn numbers_that_come_again(limits: Limits) -> Ended {
    let component = runtime().load_bytes("hostile", &drawing_numbers())?;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let mut instance = component.instance().limits(limits.clone()).build()?;
        let filtered = instance.filter(update(), &context())?;
        let figures = &filtered.leaves[0].gauges;
        assert_eq!(figures.len(), 3);
        seen.extend(figures.values().map(|figure| figure.to_bits()));
    }
    assert_eq!(seen.len(), 60, "a number came again");
    Ok("others".to_owned())
}

/// The earlier one is still there, with what it has begun, while the later one looks.
fn files_that_stay(limits: Limits) -> Ended {
    let site = granting(EVERYTHING, limits);
    let begun = json!([{"stage": ["job", "half", "secret"]}, {"keep-open": ["images", 20]}]);
    let (mut earlier, log) = site.runner(on_go(begun));
    earlier.handle_event("go", &site.context)?;
    assert_eq!(lines(&log), ["ok", "ok"]);
    let entries = || json!({"entries": ["job", "", null, 9]});
    assert_eq!(site.does(entries()), "ok []");
    drop(earlier);
    assert_eq!((site.names("job"), site.does(entries())), (vec![], "ok []".to_owned()));
    Ok("nothing".to_owned())
}
