//! What a process has of its own, and no component: standard streams, its end, directories that it was started with.

use flip_runtime::Limits;

use super::guest::filter;
use super::table::{Attack, CommandLine, Ended, Expected, guest, host};

pub const ATTACKS: &[Attack] = &[
    host(
        "40",
        "the standard input of the process",
        input,
        CommandLine::Test(
            "cli/tests/hostile_filters.rs::what_the_program_is_given_to_read_is_not_the_components",
        ),
        "",
        Expected::Harmless("it is at its end from the start"),
    ),
    guest(
        "41",
        "two hundred megabytes on the standard output and the standard error",
        floods_outputs,
        "",
        Expected::Harmless("nobody reads them, and nothing is kept"),
    )
    .slow(),
    guest(
        "41",
        "more than there is room for, on the standard output at once",
        || with_streams("(call $put (call $output) (i32.const 0) (i32.const 131072) (i32.const 64))"),
        "",
        Expected::Trap("Buffer too large"),
    ),
    guest(
        "40",
        "directories that were opened before",
        || asks(PREOPENS, "(call $ask (i32.const 64)) (if (i32.load (i32.const 68)) (then unreachable))"),
        "",
        Expected::Harmless("there are none"),
    ),
    guest(
        "48",
        "the end of the process, as if all were well",
        || asks(EXIT, "(call $ask (i32.const 0))"),
        "",
        Expected::Trap("exit status 0"),
    ),
    guest(
        "48",
        "the end of the process in a start function",
        || asks_at_once(EXIT, "(call $ask (i32.const 1))"),
        "",
        Expected::Trap("exit status 1"),
    ),
];

/// What WASI has of streams, and the functions that give the standard ones.
const STREAMS: &str = r#"
    (import "wasi:io/error@0.2.6" (instance $io-error (export "error" (type (sub resource)))))
    (alias export $io-error "error" (type $stream-failure))
    (import "wasi:io/streams@0.2.6" (instance $streams
        (alias outer 1 $stream-failure (type $f))
        (export "error" (type $failure (eq $f)))
        (type $e (variant (case "last-operation-failed" (own $failure)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $e)))
        (export "input-stream" (type $in (sub resource)))
        (export "output-stream" (type $out (sub resource)))
        (export "[method]input-stream.blocking-read" (func (param "self" (borrow $in)) (param "len" u64)
            (result (result (list u8) (error $stream-error)))))
        (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $out))
            (param "contents" (list u8)) (result (result (error $stream-error)))))))
    (alias export $streams "input-stream" (type $in))
    (alias export $streams "output-stream" (type $out))
    (import "wasi:cli/stdin@0.2.6" (instance $stdin
        (alias outer 1 $in (type $i))
        (export "input-stream" (type $in (eq $i)))
        (export "get-stdin" (func (result (own $in))))))
    (import "wasi:cli/stdout@0.2.6" (instance $stdout
        (alias outer 1 $out (type $o))
        (export "output-stream" (type $out (eq $o)))
        (export "get-stdout" (func (result (own $out))))))
    (import "wasi:cli/stderr@0.2.6" (instance $stderr
        (alias outer 1 $out (type $o))
        (export "output-stream" (type $out (eq $o)))
        (export "get-stderr" (func (result (own $out))))))
    (core func $input-of (canon lower (func $stdin "get-stdin")))
    (core func $output-of (canon lower (func $stdout "get-stdout")))
    (core func $errors-of (canon lower (func $stderr "get-stderr")))
    (core func $read-from (canon lower (func $streams "[method]input-stream.blocking-read")
        (memory $memory) (realloc $realloc)))
    (core func $write-to (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
        (memory $memory)))"#;

/// A filter that does this with the standard streams when it is called.
fn with_streams(process: &str) -> String {
    filter([
        ("component", STREAMS),
        (
            "fields",
            r#"(import "streams" "input" (func $input (result i32)))
            (import "streams" "output" (func $output (result i32)))
            (import "streams" "errors" (func $errors (result i32)))
            (import "streams" "read" (func $take (param i32 i64 i32)))
            (import "streams" "write" (func $put (param i32 i32 i32 i32)))
            (global $out (mut i32) (i32.const 0))
            (global $err (mut i32) (i32.const 0))"#,
        ),
        ("process", process),
        (
            "instances",
            r#"(with "streams" (instance (export "input" (func $input-of)) (export "output" (func $output-of))
                (export "errors" (func $errors-of)) (export "read" (func $read-from))
                (export "write" (func $write-to))))"#,
        ),
    ])
}

fn input(limits: Limits) -> Ended {
    let component = crate::runtime().load_bytes("hostile", &wat::parse_str(reads_input()).unwrap())?;
    let mut filter = component.instance().limits(limits).build()?;
    filter.filter(crate::update(), &crate::context()).map(|_| "it was at its end".to_owned())
}

/// Traps where it is told anything but that the stream is closed.
pub fn reads_input() -> String {
    with_streams(
        "(call $take (call $input) (i64.const 100) (i32.const 64))
        (if (i32.ne (i32.load8_u (i32.const 64)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load8_u (i32.const 68)) (i32.const 1)) (then unreachable))",
    )
}

/// Escapes of a terminal, four kilobytes at a time; traps where one is refused.
fn floods_outputs() -> String {
    let write = |stream: &str| {
        format!(
            "(call $put (global.get {stream}) (i32.const 8192) (i32.const 4096) (i32.const 64))
            (if (i32.load8_u (i32.const 64)) (then unreachable))"
        )
    };
    with_streams(&format!(
        "(memory.fill (i32.const 8192) (i32.const 27) (i32.const 4096))
        (global.set $out (call $output))
        (global.set $err (call $errors))
        (loop $again
            {} {}
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 25000))))",
        write("$out"),
        write("$err")
    ))
}

const PREOPENS: &str = r#"
    (import "wasi:filesystem/types@0.2.6" (instance $files (export "descriptor" (type (sub resource)))))
    (alias export $files "descriptor" (type $file))
    (import "wasi:filesystem/preopens@0.2.6" (instance $preopens
        (alias outer 1 $file (type $f))
        (export "descriptor" (type $file (eq $f)))
        (export "get-directories" (func (result (list (tuple (own $file) string)))))))
    (core func $asked (canon lower (func $preopens "get-directories") (memory $memory) (realloc $realloc)))"#;

const EXIT: &str = r#"
    (import "wasi:cli/exit@0.2.6" (instance $exit (export "exit" (func (param "status" (result))))))
    (core func $asked (canon lower (func $exit "exit")))"#;

const ASK: &str = r#"(import "wasi" "ask" (func $ask (param i32)))"#;
const ASKED: &str = r#"(with "wasi" (instance (export "ask" (func $asked))))"#;

/// A filter that has this function of WASI, and does this when it is called.
fn asks(function: &str, process: &str) -> String {
    filter([("component", function), ("fields", ASK), ("process", process), ("instances", ASKED)])
}

/// The same in its start function.
fn asks_at_once(function: &str, start: &str) -> String {
    let fields = format!("{ASK} (func $start {start}) (start $start)");
    filter([("component", function), ("fields", &fields), ("instances", ASKED)])
}
