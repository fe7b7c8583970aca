//! Endless loops in each place, recursion, and calls that are short each.

use flip_runtime::Limits;

use super::destructors::dropping;
use super::guest::{fields, filter, handling, process};
use super::table::{Attack, CommandLine, Ended, Expected, covered, deed, guest, host, nothing};
use crate::{RESHAPING, context, granted, misbehaving_filter, update};

const SHORT: &str = "call-time=40ms";
const LOOP: &str = "(loop $again (br $again))";

pub const ATTACKS: &[Attack] = &[
    deed("1", "an endless loop in a call", r#""loop""#, SHORT, Expected::Limit("call-time")),
    deed(
        "1",
        "an endless loop while it is configured",
        r#""loop-in-configure""#,
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "1",
        "an endless loop where it says which data it filters",
        || filter([("kinds", LOOP)]),
        SHORT,
        Expected::Limit("call-time"),
    ),
    deed(
        "2",
        "an endless loop over a cheap host call",
        r#""loop-over-host-calls""#,
        SHORT,
        Expected::Limit("call-time"),
    ),
    deed(
        "2",
        "an endless loop over windows of a tensor",
        r#""loop-over-windows""#,
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "3",
        "a wait of an hour inside the host",
        || waits(3_600_000_000_000),
        SHORT,
        Expected::Limit("call-time"),
    ),
    covered(
        "3",
        "a wait for a disk that does not answer",
        "tests/hanging_disks.rs::a_directory_that_hangs_held_the_call_for_as_long_as_it_liked",
        CommandLine::Test(
            "cli/tests/hostile_disks.rs::a_component_that_comes_to_a_dead_disk_ends_in_time_and_the_others_go_on",
        ),
    ),
    deed(
        "4",
        "recursion without end, which fills the stack in its memory",
        r#""recurse""#,
        "",
        Expected::Trap("out of bounds"),
    ),
    guest(
        "4",
        "recursion without end, which fills the host's stack for it, in a start function",
        || fields("(func $deep (call $deep)) (start $deep)"),
        "",
        Expected::Trap("call stack exhausted"),
    ),
    guest(
        "5",
        "an endless loop in a start function",
        || fields(&format!("(func $start {LOOP}) (start $start)")),
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "5",
        "an endless loop in cabi_realloc",
        || filter([("realloc", LOOP)]),
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "5",
        "an endless loop in a post-return function",
        || filter([("post-return", LOOP)]),
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "5",
        "an endless loop in a destructor",
        || dropping(LOOP, "process"),
        SHORT,
        Expected::Limit("call-time"),
    ),
    host(
        "6",
        "many short calls",
        many_short_calls,
        CommandLine::Test("cli/tests/hostile_jobs_alone.rs::many_short_calls_end_at_the_limit"),
        "total-time=200ms",
        Expected::Limit("total-time"),
    ),
    nothing(
        "7",
        "fuel that differs from run to run",
        "calls are bounded by time, not by fuel; row 56 is about results",
    ),
    guest(
        "13",
        "memory.fill of all its memory, again and again",
        || process("(loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 262144)) (br $again))"),
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "13",
        "memory.copy of half its memory, again and again",
        || {
            process(
                "(loop $again (memory.copy (i32.const 0) (i32.const 131072) (i32.const 131072)) (br $again))",
            )
        },
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "13",
        "memory.fill of 64 megabytes at once, which ends before the call does",
        || {
            process(
                "(drop (memory.grow (i32.const 1024)))
                (loop $again (memory.fill (i32.const 262144) (i32.const 1) (i32.const 67108864)) (br $again))",
            )
        },
        SHORT,
        Expected::Limit("call-time"),
    ),
    guest(
        "18",
        "writes of no bytes, ten million of them",
        writes_of_nothing,
        SHORT,
        Expected::Limit("call-time"),
    ),
];

/// Each is a call into the host that does nothing and is allowed.
fn writes_of_nothing() -> String {
    process(
        "(call $create (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 64))
        (loop $again
            (call $write (i32.load (i32.const 68)) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 96))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 10000000))))",
    )
}

fn many_short_calls(limits: Limits) -> Ended {
    // On a busy machine its time may be up before it is configured.
    let filter = misbehaving_filter().instance().args(r#"{"deed": "zero"}"#);
    let mut filter = filter.grants(granted(RESHAPING)).limits(limits).build()?;
    for _ in 0..1_000_000 {
        filter.filter(update(), &context())?;
    }
    Ok("a million calls".to_owned())
}

/// A filter that waits for so many nanoseconds inside the host.
pub fn waits(nanoseconds: u64) -> String {
    waits_in("process", nanoseconds)
}

/// The same in another function of it: `start`, `interests`, or a place of the shell.
pub fn waits_in(function: &str, nanoseconds: u64) -> String {
    let imports = r#"(import "wasi:io/poll@0.2.6" (instance $poll
            (export "pollable" (type $pollable (sub resource)))
            (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.6" (instance $clock
            (alias outer 1 $pollable (type $p))
            (export "pollable" (type $pollable (eq $p)))
            (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
        (core func $block-on (canon lower (func $poll "[method]pollable.block")))
        (core func $subscribe-to (canon lower (func $clock "subscribe-duration")))
        (core func $drop-it (canon resource.drop $pollable))"#;
    let wait = format!("(call $wait (i64.const {nanoseconds}))");
    let (place, text) = match function {
        "start" => ("more", format!("(func $start {wait}) (start $start)")),
        "interests" => (
            "more",
            format!(
                r#"(func (export "interests") (result i32) {wait} (i32.const 0))
                (func (export "handle") (param i32 i32 i32) (result i32) (i32.const 0))"#
            ),
        ),
        place => (place, wait),
    };
    let text = filter([
        ("component", imports),
        (
            "fields",
            r#"(import "clock" "subscribe" (func $subscribe (param i64) (result i32)))
            (import "clock" "block" (func $block (param i32)))
            (import "clock" "drop" (func $drop-pollable (param i32)))
            (func $wait (param i64) (local $i i32)
                (local.set $i (call $subscribe (local.get 0))) (call $block (local.get $i))
                (call $drop-pollable (local.get $i)))
            (;more;)"#,
        ),
        (place, &text),
        (
            "instances",
            r#"(with "clock" (instance (export "subscribe" (func $subscribe-to))
                (export "block" (func $block-on)) (export "drop" (func $drop-it))))"#,
        ),
    ]);
    if function == "interests" { handling(&text) } else { text }
}
