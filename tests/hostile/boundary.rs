//! Lengths, pointers, texts and values that break the rules of the boundary, in both directions.

use flip_runtime::Limits;

use super::guest::{filter, process};
use super::kinds;
use super::table::{Attack, CommandLine, Ended, Expected, covered, deed, guest, host, nothing};
use crate::runtime;

const OUT: &str = "out of bounds";

pub const ATTACKS: &[Attack] = &[
    // A host that copied one of these before it looked at the limit had more in its heap than an attack may cost it.
    guest(
        "14",
        "a text of 256 megabytes",
        || {
            process(
                "(drop (memory.grow (i32.const 4096))) (call $say (i32.const 1) (i32.const 0) (i32.const 268435456))",
            )
        },
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "14",
        "a list of 256 megabytes",
        || {
            process(
                "(drop (memory.grow (i32.const 4096))) (call $create (i32.const 2) (i32.const 0) (i32.const 33554432) (i32.const 0))",
            )
        },
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "14",
        "a text of four gigabytes that is not there",
        || process("(call $say (i32.const 1) (i32.const 0) (i32.const -1))"),
        "",
        Expected::Trap("out of bounds"),
    ),
    host(
        "15",
        "a list of a hundred thousand texts that are all the same megabyte",
        aliasing_texts,
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::interests_that_are_all_the_same_megabyte_end_at_the_limit",
        ),
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "16",
        "a text that ends beyond its memory",
        || process("(call $say (i32.const 1) (i32.const 262140) (i32.const 8))"),
        "",
        Expected::Trap("out of bounds"),
    ),
    guest(
        "16",
        "a text whose end is beyond four gigabytes",
        || process("(call $say (i32.const 1) (i32.const -8) (i32.const 16))"),
        "",
        Expected::Trap("out of bounds"),
    ),
    guest(
        "16",
        "a text that is no UTF-8",
        || {
            process(
                "(i32.store8 (i32.const 1000) (i32.const 255)) (call $say (i32.const 1) (i32.const 1000) (i32.const 1))",
            )
        },
        "",
        Expected::Trap("utf-8"),
    ),
    guest(
        "16",
        "half a character",
        || {
            process(
                "(i32.store8 (i32.const 1000) (i32.const 0xf0)) (call $say (i32.const 1) (i32.const 1000) (i32.const 1))",
            )
        },
        "",
        Expected::Trap("utf-8"),
    ),
    guest(
        "16",
        "UTF-16 at an odd address",
        || process("(call $say-utf16 (i32.const 1) (i32.const 1001) (i32.const 1))"),
        "",
        Expected::Trap("not aligned"),
    ),
    guest(
        "16",
        "UTF-16 with half a surrogate pair",
        || {
            process(
                "(i32.store16 (i32.const 1000) (i32.const 0xd800)) (call $say-utf16 (i32.const 1) (i32.const 1000) (i32.const 1))",
            )
        },
        "",
        Expected::Trap("surrogate"),
    ),
    guest(
        "16",
        "a list at an address that is not aligned",
        || process("(call $create (i32.const 2) (i32.const 1001) (i32.const 1) (i32.const 0))"),
        "",
        Expected::Trap("not aligned"),
    ),
    guest(
        "16",
        "an enum's case that there is not",
        || process("(call $say (i32.const 99) (i32.const 0) (i32.const 0))"),
        "",
        Expected::Trap("discriminant"),
    ),
    nothing(
        "16",
        "a char that is none, and flags that there are not",
        "no function of the contract has either, and those of WASI's files need a descriptor, which nobody is given",
    ),
    guest(
        "16",
        "a result's case that there is not",
        || process("(i32.store8 (i32.const 0) (i32.const 7))"),
        "",
        Expected::Trap("discriminant"),
    ),
    guest(
        "16",
        "a verdict that there is not",
        || process("(i32.store8 (i32.const 4) (i32.const 9))"),
        "",
        Expected::Trap("discriminant"),
    ),
    guest(
        "16",
        "a result that lies beyond its memory",
        || {
            filter([]).replace(
                "(call $drop-context (local.get $context))",
                "(call $drop-context (local.get $context)) (return (i32.const 262140))",
            )
        },
        "",
        Expected::Trap("out of bounds"),
    ),
    guest(
        "16",
        "an answer that the host is to put beyond its memory",
        || {
            process("(call $read (call $tensor) (i64.const 0) (i32.const 1) (i32.const 262140))")
                .replace("(;fields;)", TENSOR)
        },
        "",
        Expected::Trap("out of bounds"),
    ),
    deed(
        "17",
        "windows from element 2^64 - 1, of no elements, and of more than there are",
        r#""read-far""#,
        "",
        Expected::Unchanged("[0, 0, 0, 16]"),
    ),
    covered(
        "17",
        "what comes of each such window, of tensors in memory, in a file and of zeroes",
        "tests/tensors.rs::reads_beyond_the_end_and_of_nothing_come_back_empty",
        CommandLine::Test(
            "cli/tests/hostile_filters.rs::reads_beyond_the_end_and_of_nothing_come_back_empty",
        ),
    ),
    deed(
        "17",
        "writes from element 2^64 - 1 and beyond the end",
        r#""write-past-the-end""#,
        "",
        Expected::Harmless("it is told so, and nothing is written"),
    ),
    covered(
        "17",
        "what it is told of each such write, and what goes out",
        "tests/tensors.rs::writes_past_the_end_are_told_and_write_nothing",
        CommandLine::Test("cli/tests/hostile_filters.rs::writes_past_the_end_are_told_and_write_nothing"),
    ),
    deed(
        "17",
        "one write of two megabytes",
        r#"{"write-window": 2097152}"#,
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "19",
        "an error text of a gigabyte",
        || filter([("configure", &error_text("1073741824"))]),
        "",
        Expected::Trap("out of bounds"),
    ),
    guest(
        "19",
        "an error text of 256 megabytes",
        || {
            filter([(
                "configure",
                &format!("(drop (memory.grow (i32.const 4096))) {}", error_text("268435456")),
            )])
        },
        "",
        Expected::Limit("call-bytes"),
    ),
    guest(
        "19",
        "a list of a billion kinds of data",
        || filter([("kinds", "(i32.store (i32.const 4) (i32.const 1000000000))")]),
        "",
        Expected::Trap(OUT),
    ),
    host(
        "19",
        "a list of a million kinds of data",
        kinds::counts_each_once,
        CommandLine::Test("cli/tests/hostile_filters.rs::kinds_that_are_named_a_million_times_count_once"),
        "",
        Expected::Harmless("each kind counts once"),
    ),
    host(
        "19",
        "a million kinds of data, and a collection of many members of another",
        kinds::passes_many_by,
        CommandLine::Test("cli/tests/hostile_filters.rs::kinds_that_are_named_a_million_times_count_once"),
        "",
        Expected::Harmless("each member is passed by, in words that name the kind once"),
    ),
    guest(
        "16",
        "exports that have the name of a role, and none of its functions",
        nameless_role,
        "",
        Expected::NotLoaded("it does not export flip:fl/configurable"),
    ),
];

/// The first tensor.
const TENSOR: &str = "(func $tensor (result i32)
    (call $create (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 64)) (i32.load (i32.const 68)))";

/// `invalid-data` with a text of this length at address 0.
fn error_text(length: &str) -> String {
    format!(
        "(i32.store8 (i32.const 1000) (i32.const 1)) (i32.store8 (i32.const 1004) (i32.const 1))
        (i32.store (i32.const 1008) (i32.const 0)) (i32.store (i32.const 1012) (i32.const {length}))
        (return (i32.const 1000))"
    )
}

/// An event handler whose interests are all one text.
const ALIASING: &str = include_str!("wat/aliasing.wat");

/// That event handler, as a component.
pub fn aliasing() -> Vec<u8> {
    wat::parse_str(ALIASING).unwrap()
}

fn aliasing_texts(limits: Limits) -> Ended {
    let component = runtime().load_bytes("hostile", &aliasing())?;
    component.instance().limits(limits).build().map(|_| "it was configured".to_owned())
}

fn nameless_role() -> String {
    r#"(component
        (instance $empty)
        (export "flip:fl/configurable@0.1.0" (instance $empty))
        (export "flip:fl/dxo-filter@0.1.0" (instance $empty)))"#
        .to_owned()
}
