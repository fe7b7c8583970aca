//! Handles: floods of them, used after they were dropped, forged, of another type, kept too long.

use flip_runtime::Limits;
use serde_json::json;

use super::errands::Errands;
use super::guest::{filter, process};
use super::table::{Attack, CommandLine, Ended, Expected, deed, errands, guest, host};
use crate::{EVERYTHING, Site};

const CREATE: &str = "(call $create (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 64))";
const TENSOR: &str = "(i32.load (i32.const 68))";

pub const ATTACKS: &[Attack] = &[
    deed(
        "21",
        "tensors that are opened without end and kept",
        r#""keep-handles""#,
        "handles=100",
        Expected::Failed("limit handles"),
    ),
    guest(
        "21",
        "handles up to the limit, one dropped, one more opened",
        full_and_one_back,
        "handles=50",
        Expected::Harmless("closing one makes room for one, and for no second"),
    ),
    guest(
        "21",
        "resources of its own without end",
        || makes_resources(None),
        "handles=1000",
        Expected::Limit("handles"),
    ),
    guest(
        "21",
        "as many resources of its own as it may have handles",
        || makes_resources(Some(1_000)),
        "handles=1000",
        Expected::Harmless("the limit can be reached"),
    ),
    guest(
        "21",
        "resources of its own, whose memory is the host's",
        || makes_resources(Some(1)),
        "handles=65536,memory=2MiB",
        Expected::Limit("memory"),
    ),
    deed(
        "21",
        "a tensor larger than it may have",
        r#"{"create-tensor": 1099511627776}"#,
        "",
        Expected::Failed("limit host-bytes"),
    ),
    deed(
        "21",
        "tensors that are made and dropped ten thousand times",
        r#"{"create-and-drop": 1000000}"#,
        "host-bytes=2MiB",
        Expected::Harmless("what is dropped is given back"),
    ),
    deed("21", "dxos that are nested without end", r#""nest""#, "", Expected::Failed("deeper than")),
    deed(
        "21",
        "meta properties without end",
        r#""fill-meta""#,
        "host-bytes=4MiB",
        Expected::Failed("limit host-bytes"),
    ),
    deed(
        "21",
        "tensors without elements that fill a dxo",
        r#"{"tiny-tensors": 100000}"#,
        "host-bytes=1MiB",
        Expected::Failed("limit host-bytes"),
    )
    .granting(r#"may-change = ["names"]"#),
    guest(
        "22",
        "a handle that is used after it was dropped",
        || process(&format!("{CREATE} (call $drop-tensor {TENSOR}) (drop (call $len {TENSOR}))")),
        "",
        Expected::Trap("unknown handle"),
    ),
    guest(
        "22",
        "a handle that is dropped twice",
        || process(&format!("{CREATE} (call $drop-tensor {TENSOR}) (call $drop-tensor {TENSOR})")),
        "",
        Expected::Trap("unknown handle"),
    ),
    guest(
        "22",
        "a handle that nobody gave out",
        || process("(drop (call $len (i32.const 1234567)))"),
        "",
        Expected::Trap("unknown handle"),
    ),
    guest(
        "22",
        "handle 0, and handle 2^32 - 1",
        || process("(drop (call $len (i32.const 0))) (drop (call $len (i32.const -1)))"),
        "",
        Expected::Trap("unknown handle"),
    ),
    guest(
        "22",
        "a handle of another type",
        || process("(drop (call $len (local.get $dxo)))"),
        "",
        Expected::Trap("wrong type"),
    ),
    guest(
        "22",
        "a borrowed dxo that is kept after the call",
        || filter([]).replace("(call $drop-dxo (local.get $dxo))", ""),
        "",
        Expected::Trap("borrow"),
    ),
    guest(
        "22",
        "a tensor that is dropped as a dxo",
        || process(&format!("{CREATE} (call $drop-dxo {TENSOR})")),
        "",
        Expected::Trap("wrong type"),
    ),
    host(
        "22",
        "a handle of another instance",
        handle_of_another,
        CommandLine::Test("cli/tests/hostile_chains.rs::a_handle_of_another_filter_in_the_chain_is_unknown"),
        "",
        Expected::Harmless("each instance has a table of its own: the number is unknown there"),
    ),
    deed(
        "23",
        "a tensor that is kept after the call",
        r#""retain""#,
        "",
        Expected::Harmless("the host frees it with the instance"),
    ),
    guest(
        "23",
        "a hundred tensors that are never dropped",
        || {
            process(&format!(
                "(loop $again {CREATE} (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const 100))))"
            ))
        },
        "",
        Expected::Harmless("the host frees them with the instance"),
    ),
    host(
        "24",
        "directories that are kept open, beside one who needs some",
        files_of_everybody,
        CommandLine::Test(
            "cli/tests/hostile_jobs_alone.rs::directories_that_one_keeps_open_leave_the_others_theirs",
        ),
        "",
        Expected::Told("quota exceeded: limit open-files reached: 128 allowed"),
    ),
    host(
        "25",
        "directories that are opened when the handles are spent",
        opened_in_vain,
        CommandLine::Test("cli/tests/hostile_jobs_alone.rs::directories_without_a_handle_are_closed"),
        "handles=20",
        Expected::Told("quota exceeded: limit handles"),
    ),
    errands(
        "24",
        "a thousand directories that are kept open",
        || {
            let asked = [json!({"keep-open": ["job", 1_000]})];
            Errands::granting(EVERYTHING).told("quota exceeded: limit open-files", asked)
        },
        "",
        Expected::Told("quota exceeded: "),
    ),
    errands(
        "24",
        "files that are begun and never finished, two hundred of them",
        kept_staged,
        "",
        Expected::Told("quota exceeded: limit open-files"),
    ),
    errands(
        "24",
        "two hundred tensors over files that are kept open",
        kept_tensors,
        "",
        Expected::Told("quota exceeded: limit open-files"),
    ),
];

/// Traps where there is no room after one is dropped, or where there is room for two.
fn full_and_one_back() -> String {
    process(&format!(
        "(loop $again {CREATE} (br_if $again (i32.eqz (i32.load8_u (i32.const 64)))))
        (call $drop-tensor (i32.const 5))
        {CREATE} (if (i32.load8_u (i32.const 64)) (then unreachable))
        {CREATE} (if (i32.eqz (i32.load8_u (i32.const 64))) (then unreachable))"
    ))
}

/// A filter that has tensors open.
pub fn keeping() -> Vec<u8> {
    wat::parse_str(process(&format!("{CREATE} {CREATE} {CREATE}"))).unwrap()
}

/// A filter that guesses the number of another's tensor.
pub fn guessing() -> Vec<u8> {
    wat::parse_str(process("(drop (call $len (i32.const 4)))")).unwrap()
}

/// The one has tensors open, the other guesses their numbers.
fn handle_of_another(limits: Limits) -> Ended {
    let build =
        |wasm: &[u8]| crate::runtime().load_bytes("hostile", wasm)?.instance().limits(limits.clone()).build();
    let (mut one, mut other) = (build(&keeping())?, build(&guessing())?);
    one.filter(crate::update(), &crate::context())?;
    let guessed = other.filter(crate::update(), &crate::context()).unwrap_err();
    assert!(guessed.to_string().contains("unknown handle"), "{guessed}");
    Ok(guessed.to_string())
}

/// While the one is at its limit, the other opens what it needs.
fn files_of_everybody(limits: Limits) -> Ended {
    let mut site = Site::granting_everything();
    site.limits = limits;
    let args = crate::on_go(vec![json!({"keep-open": ["job", 200]})]);
    let (mut greedy, log) = site.runner(args);
    greedy.handle_event("go", &site.context)?;
    assert_eq!(site.does(json!({"write": ["job", "a", "x"]})), "ok");
    Ok(crate::lines(&log).remove(0))
}

fn opened_in_vain(limits: Limits) -> Ended {
    let mut site = Site::granting_everything();
    site.limits = limits;
    let mut errands = vec![json!({"keep-open": ["job", 30]})];
    errands.extend(vec![json!({"open": "job"}); 200]);
    let (mut runner, log) = site.runner(crate::on_go(errands));
    let open = super::footprint::open_files();
    runner.handle_event("go", &site.context)?;
    assert!(super::footprint::open_files() <= open + 20, "directories stayed open that it has no handle of");
    Ok(crate::lines(&log).remove(0))
}

fn kept_staged() -> Errands {
    (0..200).fold(Errands::granting(EVERYTHING), |errands, number| {
        let told = if number < 64 { "ok" } else { "quota exceeded: limit open-files" };
        errands.told(told, [json!({"stage": ["job", number.to_string(), ""]})])
    })
}

fn kept_tensors() -> Errands {
    let errands = Errands::granting(EVERYTHING).file("job/a", "x");
    (0..200).fold(errands, |errands, number| {
        let told = if number < 127 { "ok" } else { "quota exceeded: limit open-files" };
        errands.told(told, [json!({"keep-tensor": ["job", "a"]})])
    })
}

/// Makes so many resources of a type of its own and keeps them; without end where none is said.
fn makes_resources(count: Option<u32>) -> String {
    let more = count.map_or_else(
        || "(br $again)".to_owned(),
        |count| format!("(local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $again (i32.lt_u (local.get $i) (i32.const {count})))"),
    );
    filter([
        (
            "component",
            "(type $thing (resource (rep i32))) (core func $new-thing (canon resource.new $thing))",
        ),
        ("fields", r#"(import "thing" "new" (func $new (param i32) (result i32)))"#),
        ("process", &format!("(loop $again (drop (call $new (i32.const 7))) {more})")),
        ("instances", r#"(with "thing" (instance (export "new" (func $new-thing))))"#),
    ])
}
