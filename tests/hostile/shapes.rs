//! Components of huge or strange shapes, and components with any one bit flipped.

use std::fmt::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use flip_runtime::{Inspection, Limits, Runtime};

use super::guest::filter;
use super::loading::{built, shell};
use super::table::{Attack, CommandLine, Ended, Expected, OFTEN, bytes, covered, guest, host};

pub const ATTACKS: &[Attack] = &[
    bytes(
        "44",
        "a function more than a million",
        || functions(1_000_001),
        "",
        Expected::NotLoaded("functions count exceeds limit"),
    ),
    bytes(
        "44",
        "a component of 12 KB whose instances would list half a million exports",
        || instances(1_200, 400),
        "",
        Expected::NotLoaded("reading it takes too much memory"),
    ),
    bytes(
        "44",
        "a component that is instantiated a thousand times, with what it exports, and its resources",
        || instances(2_000, 999),
        "",
        Expected::NotLoaded("reading it takes too much memory"),
    ),
    bytes(
        "44",
        "seven million types of a byte each",
        plain_types,
        "",
        Expected::NotLoaded("reading it takes too much memory"),
    ),
    covered(
        "44",
        "the same in the program, and types that grow with each level",
        "tests/compiling.rs::types_that_grow_end_the_process_that_reads_them",
        CommandLine::Test("cli/tests/compiling.rs::a_component_that_is_only_inspected_took_gigabytes"),
    ),
    covered(
        "44",
        "a million functions, and as many jumps",
        "tests/compiling.rs::a_million_functions_end_their_process",
        CommandLine::Test("cli/tests/compiling.rs::a_million_functions_end_at_their_limit"),
    ),
    bytes(
        "44",
        "a table of ten million jumps",
        || jumps(1, 10_000_000),
        "",
        Expected::NotLoaded("not a valid component"),
    ),
    covered(
        "44",
        "ten megabytes of tables of jumps, each as large as it may be",
        "tests/compiling.rs::tables_of_jumps_end_their_process",
        CommandLine::Test("cli/tests/compiling.rs::tables_of_jumps_end_at_their_limit"),
    ),
    guest("44", "ten thousand types within each other", nested_types, "", Expected::NotLoaded("nest")),
    guest(
        "44",
        "five thousand imports",
        many_imports,
        "",
        Expected::NotLoaded("it imports what this host does not offer: a0, a1, "),
    ),
    bytes(
        "44",
        "a million imports",
        || imports(1_000_000),
        "",
        Expected::NotLoaded("reading it takes too much memory"),
    ),
    host(
        "44",
        "a component with a bit flipped, each of them in one of twenty rounds",
        flipped_bits,
        CommandLine::Test(
            "cli/tests/hostile_components.rs::a_component_with_a_bit_flipped_is_refused_or_runs",
        ),
        "",
        Expected::Harmless("each is refused, or ends within its limits"),
    ),
    guest(
        "46",
        "two imports of one name",
        || filter([("component", &r#"(import "flip:fl/hub@0.1.0" (instance))"#.repeat(2))]),
        "",
        Expected::NotLoaded("conflicts with previous name"),
    ),
    guest(
        "46",
        "two exports of one name",
        || {
            let export = r#"(export "flip:fl/configurable@0.1.0" (instance $configurable))"#;
            filter([]).replace(export, &export.repeat(2))
        },
        "",
        Expected::NotLoaded("conflicts with previous name"),
    ),
];

/// A component that holds a module with one section of functions and one of their code.
fn of_functions(count: usize, body: &[u8]) -> Vec<u8> {
    let mut code = leb128(count);
    for _ in 0..count {
        code.extend(leb128(body.len()));
        code.extend_from_slice(body);
    }
    let kinds = [leb128(count), vec![0; count]].concat();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (section, contents) in [(1, &[1, 0x60, 0, 0][..]), (3, &kinds), (10, &code)] {
        module.push(section);
        module.extend(leb128(contents.len()));
        module.extend_from_slice(contents);
    }
    [&b"\0asm\x0d\0\x01\0\x01"[..], &leb128(module.len()), &module].concat()
}

/// So many functions that do nothing.
pub fn functions(count: usize) -> Vec<u8> {
    of_functions(count, &[0, 0x0b])
}

/// So many functions, each with a `br_table` of so many targets.
pub fn jumps(functions: usize, targets: usize) -> Vec<u8> {
    // No locals; block, i32.const 0, br_table ... 0, end, end.
    let body = [&[0, 0x02, 0x40, 0x41, 0, 0x0e][..], &leb128(targets), &vec![0; targets + 1], &[0x0b, 0x0b]];
    of_functions(functions, &body.concat())
}

/// A component within it that exports so many types, instantiated so many times.
pub fn instances(exports: usize, instances: usize) -> Vec<u8> {
    let mut names = leb128(exports);
    for number in 0..exports {
        let name = format!("t{number}");
        names.push(0);
        names.extend(leb128(name.len()));
        names.extend_from_slice(name.as_bytes());
        // The type 0, as it is.
        names.extend([3, 0, 0]);
    }
    let inner = component(&[(7, &[1, 0x7d]), (11, &names)]);
    let made = [leb128(instances), [0, 0, 0].repeat(instances)].concat();
    component(&[(4, &inner), (5, &made)])
}

/// Types of instances, each of which holds many of the one before: what they hold in all is what the validator
/// keeps, and their text is short.
pub fn growing_types() -> Vec<u8> {
    static ASSEMBLED: LazyLock<Vec<u8>> = LazyLock::new(assemble_growing_types);
    ASSEMBLED.clone()
}

fn assemble_growing_types() -> Vec<u8> {
    const MANY: usize = 90;
    let mut text = String::from("(component (type $t0 (instance");
    for number in 0..MANY {
        let _ = write!(text, r#"(export "r{number}" (type (sub resource)))"#);
    }
    for level in 1..3 {
        let _ = write!(text, ")) (type $t{level} (instance (alias outer 1 $t{} (type $x))", level - 1);
        for number in 0..MANY {
            let _ = write!(text, r#"(export "i{number}" (instance (type $x)))"#);
        }
    }
    wat::parse_str(text + ")))").unwrap()
}

/// As many types as seven components within it may have.
fn plain_types() -> Vec<u8> {
    const COUNT: usize = 999_999;
    let types = [leb128(COUNT), vec![0x7d; COUNT]].concat();
    let inner = component(&[(7, &types)]);
    let sections: Vec<_> = (0..7).map(|_| (4, &*inner)).collect();
    component(&sections)
}

/// A component of these sections.
pub(super) fn component(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    for (section, contents) in sections {
        component.push(*section);
        component.extend(leb128(contents.len()));
        component.extend_from_slice(contents);
    }
    component
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// `list<list<...>>`: whoever walks it recursively overflows its stack.
fn nested_types() -> String {
    let mut types = String::from("(type $t0 (list u8))");
    for depth in 1..10_000 {
        let _ = write!(types, "(type $t{depth} (list $t{}))", depth - 1);
    }
    types += r#"(import "flip:fl/hub@0.1.0" (instance (export "f" (func (param "x" $t9999)))))"#;
    filter([("component", &types)])
}

fn many_imports() -> String {
    let mut imports = String::new();
    // Together they are longer than a pipe takes at once.
    let long = "-x".repeat(50);
    for number in 0..5_000 {
        let rest = if number < 10 { "" } else { &long };
        let _ = write!(imports, r#"(import "a{number}{rest}" (func))"#);
    }
    filter([("component", &imports)])
}

/// So many imports of a function.
fn imports(count: usize) -> Vec<u8> {
    let mut imports = leb128(count);
    for number in 0..count {
        let name = format!("a{number}");
        imports.push(0);
        imports.extend(leb128(name.len()));
        imports.extend_from_slice(name.as_bytes());
        // A function of the type 0.
        imports.extend([1, 0]);
    }
    // One type: a function that takes nothing and gives nothing.
    component(&[(7, &[1, 0x40, 0, 1, 0]), (10, &imports)])
}

/// No more than every component must have: it can be configured.
const SMALL: &str = r#"(component
    (import "flip:fl/types@0.1.0" (instance $types
        (type $e (variant (case "invalid-argument" string) (case "invalid-data" string)
            (case "not-found" string) (case "not-permitted" string) (case "quota-exceeded" string)
            (case "unavailable" string) (case "aborted")))
        (export "error" (type (eq $e)))))
    (alias export $types "error" (type $error))
    (core module $m (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
        (func (export "configure") (param i32 i32) (result i32) (i32.const 0)))
    (core instance $m (instantiate $m))
    (alias core export $m "memory" (core memory $memory))
    (alias core export $m "realloc" (core func $realloc))
    (func $configure (param "args" string) (result (result (error $error)))
        (canon lift (core func $m "configure") (memory $memory) (realloc $realloc)))
    (instance $configurable (export "configure" (func $configure)))
    (export "flip:fl/configurable@0.1.0" (instance $configurable)))"#;

/// The component with one bit of it flipped.
pub fn flipped(wasm: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = wasm.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

/// Each bit in turn, those of a twentieth in one round: whatever comes, the host lives. Of the small one all that
/// is left of it is compiled and configured, of the shell only what it asks for is read.
fn flipped_bits(_: Limits) -> Ended {
    static ROUNDS: AtomicUsize = AtomicUsize::new(0);
    let round = ROUNDS.fetch_add(1, Ordering::Relaxed) % OFTEN;
    let bits = |wasm: &[u8]| (round..wasm.len() * 8).step_by(OFTEN);
    // Without a cache: what is loaded only once is not worth a place there.
    let (small, runtime) = (wat::parse_str(SMALL).unwrap(), Runtime::new()?);
    built(&runtime, &small)?;
    let worked = bits(&small).filter(|bit| built(&runtime, &flipped(&small, *bit)).is_ok()).count();
    // Names that nobody reads can have any bit flipped; what is checked cannot.
    let tried = bits(&small).count();
    assert!(worked < tried / 2, "{worked} of {tried} were built");
    let shell = shell();
    let read = bits(&shell).filter(|bit| Inspection::of(&flipped(&shell, *bit)).is_ok()).count();
    let tried = bits(&shell).count();
    assert!(read < tried / 2, "{read} of {tried} were read");
    Ok(format!("{worked} were built, {read} were read"))
}
