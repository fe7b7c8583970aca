//! Files that are no components, or strange ones, and compiled code that was tampered with.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use flip_runtime::job::JobConfig;
use flip_runtime::{Builtin, Inspection, Limits, Runtime};

use super::caches;
use super::guest::filter;
use super::shapes;
use super::table::{Attack, CommandLine, Ended, Expected, OFTEN, bytes, covered, guest, host, nothing};
use crate::job::{CLIENT, StandardJob};
use crate::{misbehaving_filter, runtime};

pub const ATTACKS: &[Attack] = &[
    host(
        "44",
        "a component cut off at each byte, and others at many, in one of twenty rounds",
        cut_at_each_byte,
        CommandLine::Test("cli/tests/hostile_components.rs::a_component_cut_off_anywhere_is_refused"),
        "",
        Expected::Harmless("each is refused, or is a component without its role"),
    ),
    guest(
        "44",
        "a core module in the place of a component",
        || "(module)".to_owned(),
        "",
        Expected::NotLoaded("a core module, not a component"),
    ),
    host(
        "44",
        "a file of 500 MB",
        huge_file,
        CommandLine::Test("cli/tests/hostile_components.rs::a_file_of_500_mb_is_refused"),
        "",
        Expected::NotLoaded("limit component-size"),
    ),
    bytes(
        "44",
        "components within components, forty deep",
        nested_components,
        "",
        Expected::NotLoaded("nest deeper than 32"),
    ),
    covered(
        "44",
        "seven kilobytes that take ten seconds to compile",
        "tests/compiling.rs::what_takes_too_long_to_compile_ends_its_process",
        CommandLine::Test("cli/tests/compiling.rs::compile_time_ends_the_process"),
    ),
    covered(
        "44",
        "seven kilobytes that take three gigabytes to compile",
        "tests/compiling.rs::what_takes_too_much_memory_to_compile_ends_its_process",
        CommandLine::Test("cli/tests/compiling.rs::compile_memory_ends_the_process"),
    ),
    covered(
        "44",
        "one component after the other that takes too long, in a thread",
        "tests/compiling.rs::compilations_that_were_given_up_do_not_pile_up",
        CommandLine::Test("cli/tests/compiling.rs::compilations_that_were_given_up_leave_no_process"),
    ),
    host(
        "45",
        "an entry of the cache under another component's name",
        caches::renamed_entry,
        CommandLine::Test(
            "cli/tests/hostile_caches.rs::an_entry_under_the_name_of_another_component_is_not_used",
        ),
        "",
        Expected::Harmless("the other one is compiled anew"),
    ),
    host(
        "45",
        "an entry of the cache with a bit flipped, cut off, empty, or of garbage",
        caches::tampered_cache,
        CommandLine::Test("cli/tests/hostile_caches.rs::an_entry_that_was_tampered_with_is_compiled_anew"),
        "",
        Expected::Harmless("it is compiled anew"),
    ),
    host(
        "45",
        "an entry of the cache that another version of the compiler has made",
        caches::stale_entry,
        CommandLine::Test("cli/tests/hostile_caches.rs::an_entry_of_another_version_is_compiled_anew"),
        "",
        Expected::Harmless("it is compiled anew"),
    ),
    host(
        "45",
        "a cache that others can write to",
        caches::open_cache,
        CommandLine::Test("cli/tests/hostile_caches.rs::a_cache_that_others_can_write_to_is_not_used"),
        "",
        Expected::Harmless("it is not used, and left as it is"),
    ),
    host(
        "45",
        "a link in the place of an entry of the cache, and of the cache",
        caches::linked_cache,
        CommandLine::Test("cli/tests/hostile_caches.rs::a_cache_that_is_a_link_is_not_used"),
        "",
        Expected::Harmless("a cache that is a link is not used"),
    ),
    guest(
        "46",
        "an import of another version",
        || filter([("component", r#"(import "flip:fl/log@9.0.0" (instance))"#)]),
        "",
        Expected::NotLoaded("flip:fl/log@9.0.0"),
    ),
    guest(
        "46",
        "a function that the interface has not",
        || {
            filter([(
                "component",
                r#"(import "flip:fl/hub@0.1.0" (instance (export "format-disk" (func))))"#,
            )])
        },
        "",
        Expected::NotLoaded("does not fit the contract"),
    ),
    guest(
        "46",
        "an export that is missing",
        || filter([]).replace(r#"(export "flip:fl/configurable@0.1.0" (instance $configurable))"#, ""),
        "",
        Expected::NotLoaded("flip:fl/configurable"),
    ),
    guest(
        "46",
        "a function of an interface that takes something else",
        || import(r#"(import "flip:fl/log@0.1.0" (instance (export "log" (func (param "text" string)))))"#),
        "",
        Expected::NotLoaded("does not fit the contract"),
    ),
    guest(
        "46",
        "a function in the place of an interface",
        || import(r#"(import "flip:fl/log@0.1.0" (func))"#),
        "",
        Expected::NotLoaded("does not fit the contract"),
    ),
    covered(
        "47",
        "a component that is not the one the site pinned",
        "tests/job_config.rs::a_digest_that_is_another_is_named_with_who_asks_for_it",
        CommandLine::Test(
            "cli/tests/hostile_components.rs::a_component_that_is_not_the_one_that_was_pinned_does_not_run",
        ),
    ),
    nothing(
        "47",
        "a signature that is another's",
        "components are not signed: a site pins one by the digest of its file",
    ),
    host(
        "37",
        "a job's configuration of just under 1 MiB, as many numbers as it can hold",
        crowded_config,
        CommandLine::Test("cli/tests/hostile_inputs.rs::a_valid_configuration_of_just_under_1_mib_is_read"),
        "",
        Expected::Harmless("it is read"),
    ),
    host(
        "37",
        "a job's configuration of 100 MB",
        huge_config,
        CommandLine::Test("cli/tests/hostile_inputs.rs::a_configuration_of_100_mb_is_refused"),
        "",
        Expected::NotLoaded("config_fed_client.json: not a regular file of at most 1048576 bytes"),
    ),
];

/// A filter that lets everything be.
pub fn shell() -> Vec<u8> {
    wat::parse_str(filter([])).unwrap()
}

/// The whole way: read, compiled, linked, instantiated, configured.
pub(super) fn built(runtime: &Runtime, wasm: &[u8]) -> Ended {
    let limits = super::limits("call-time=40ms,memory=8MiB");
    let component = runtime.load_bytes("hostile", wasm)?;
    component.instance().limits(limits).build().map(|_| "it was built".to_owned())
}

/// At those of a twentieth in one round.
fn cut_at_each_byte(_: Limits) -> Ended {
    static ROUNDS: AtomicUsize = AtomicUsize::new(0);
    let round = ROUNDS.fetch_add(1, Ordering::Relaxed) % OFTEN;
    // Without a cache: what is loaded only once is not worth a place there.
    let (wasm, runtime) = (shell(), Runtime::new()?);
    let whole =
        (round..wasm.len()).step_by(OFTEN).filter(|end| built(&runtime, &wasm[..*end]).is_ok()).count();
    // Between two of the last sections it is one without its role, or without names.
    assert!(whole < 5, "{whole} of {} were built", wasm.len());
    let builtin = Builtin::find("percentile-privacy")?.wasm;
    for wasm in [builtin, crate::MISBEHAVING_FILTER, crate::ERRAND] {
        for end in (round * 331..wasm.len()).step_by(331 * OFTEN) {
            assert!(
                Inspection::of(&wasm[..end]).map_or(true, |read| read.roles.is_empty()),
                "cut off at {end}"
            );
        }
    }
    Ok("each was refused".to_owned())
}

fn huge_file(_: Limits) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("huge.wasm");
    fs::File::create(&path).unwrap().set_len(500 << 20).unwrap();
    runtime().load_file(&path).map(|_| "it was read".to_owned())
}

/// Lengthens a configuration to one byte less than it may have: each number of two bytes takes many in memory.
pub fn crowd(job: &StandardJob) {
    let text = job.text(CLIENT);
    let (padding, rest) = ("{\"padding\": [0", text.trim_start().strip_prefix('{').unwrap());
    let room = (1 << 20) - 1 - padding.len() - rest.len() - "], ".len();
    let text = format!("{padding}{}{}], {rest}", ",0".repeat(room / 2), " ".repeat(room % 2));
    assert_eq!(text.len(), (1 << 20) - 1);
    job.write(CLIENT, text);
}

fn crowded_config(_: Limits) -> Ended {
    let job = StandardJob::new();
    crowd(&job);
    JobConfig::read(&job.path("job")).map(|_| "it was read".to_owned())
}

fn huge_config(_: Limits) -> Ended {
    let job = StandardJob::new();
    fs::File::create(job.path(CLIENT)).unwrap().set_len(100 << 20).unwrap();
    let _ = misbehaving_filter();
    JobConfig::read(&job.path("job")).map(|_| "it was read".to_owned())
}

/// A component that imports this and nothing else.
fn import(import: &str) -> String {
    format!("(component {import})")
}

fn nested_components() -> Vec<u8> {
    let empty = b"\0asm\x0d\0\x01\0".to_vec();
    (0..40).fold(empty, |inner, _| shapes::component(&[(4, &inner)]))
}
