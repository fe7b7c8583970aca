//! Files that are no components, or strange ones, and compiled code that was tampered with.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use flip_runtime::job::JobConfig;
use flip_runtime::{Inspection, Limits, Runtime};

use super::guest::filter;
use super::table::{Attack, CommandLine, Ended, Expected, elsewhere, guest, host};
use crate::job::{CLIENT, StandardJob};
use crate::{misbehaving_filter, runtime};

pub const ATTACKS: &[Attack] = &[
    host(
        "44",
        "a component cut off at each byte",
        cut_at_each_byte,
        CommandLine::Test("cli/tests/hostile_components.rs::a_component_cut_off_anywhere_is_refused"),
        "",
        Expected::Harmless("each is refused, or is a component without its role"),
    )
    .twice(),
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
    )
    .twice(),
    elsewhere(
        "44",
        "components within components",
        "tests/attacks.rs::a_component_nested_20000_deep_took_seconds_to_refuse",
    ),
    elsewhere(
        "44",
        "seven kilobytes that take ten seconds to compile",
        "cli/tests/compiling.rs::compile_time_ends_the_process",
    ),
    elsewhere(
        "44",
        "seven kilobytes that take three gigabytes to compile",
        "cli/tests/compiling.rs::compile_memory_ends_the_process",
    ),
    elsewhere(
        "44",
        "one component after the other that takes too long, in a thread",
        "tests/compiling.rs::compilations_that_were_given_up_do_not_pile_up",
    ),
    elsewhere(
        "45",
        "an entry of the cache under another component's name",
        "runtime/src/cache.rs::an_entry_under_the_name_of_another_component_was_loaded_as_that",
    ),
    elsewhere(
        "44",
        "another component cut off at many bytes",
        "tests/inspection.rs::a_component_cut_off_anywhere_is_refused_and_never_panics",
    ),
    host(
        "45",
        "an entry of the cache with a bit flipped, cut off, empty, or of garbage",
        tampered_cache,
        CommandLine::Test("cli/tests/hostile_caches.rs::an_entry_that_was_tampered_with_is_compiled_anew"),
        "",
        Expected::Harmless("it is compiled anew"),
    )
    .twice(),
    host(
        "45",
        "a cache that others can write to",
        open_cache,
        CommandLine::Test("cli/tests/hostile_caches.rs::a_cache_that_others_can_write_to_is_not_used"),
        "",
        Expected::Harmless("it is not used, and left as it is"),
    ),
    host(
        "45",
        "a link in the place of an entry of the cache, and of the cache",
        linked_cache,
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
    elsewhere(
        "46",
        "imports of another type",
        "tests/inspection.rs::an_import_of_another_type_than_the_contracts_does_not_fit",
    ),
    elsewhere(
        "47",
        "a component that is not the one the site pinned",
        "tests/job_config.rs::a_digest_that_is_another_is_named_with_who_asks_for_it",
    ),
    host(
        "37",
        "a job's configuration of just under 16 MiB, as many numbers as it can hold",
        crowded_config,
        CommandLine::Test("cli/tests/hostile_inputs.rs::a_valid_configuration_of_just_under_16_mib_is_read"),
        "",
        Expected::Harmless("it is read"),
    )
    .twice(),
    host(
        "37",
        "a job's configuration of 100 MB",
        huge_config,
        CommandLine::Test("cli/tests/hostile_inputs.rs::a_configuration_of_100_mb_is_refused"),
        "",
        Expected::NotLoaded("config_fed_client.json"),
    )
    .twice(),
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

fn cut_at_each_byte(_: Limits) -> Ended {
    // Without a cache: what is loaded only once is not worth a place there.
    let (wasm, runtime) = (shell(), Runtime::new()?);
    let whole = (0..wasm.len()).filter(|end| built(&runtime, &wasm[..*end]).is_ok()).count();
    // Between two of the last sections it is one without its role, or without names.
    assert!(whole < 20, "{whole} of {} were built", wasm.len());
    for wasm in [crate::MISBEHAVING_FILTER, crate::ERRAND] {
        for end in (0..wasm.len()).step_by(331) {
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

/// A private cache with one entry in it.
fn with_cache(work: impl FnOnce(&std::path::Path, &dyn Fn()) -> Ended) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let wasm = shell();
    let load = || {
        let runtime = Runtime::builder().cache(&cache).build().unwrap();
        let component = runtime.load_bytes("hostile", &wasm).unwrap();
        let mut filter = component.instance().build().unwrap();
        filter.filter(crate::update(), &crate::context()).unwrap();
    };
    load();
    work(&cache, &load)
}

fn entry(cache: &std::path::Path) -> std::path::PathBuf {
    fs::read_dir(cache).unwrap().next().unwrap().unwrap().path()
}

fn tampered_cache(_: Limits) -> Ended {
    with_cache(|cache, load| {
        let entry = entry(cache);
        let whole = fs::read(&entry).unwrap();
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        };
        let longer = [&whole[..], b"more"].concat();
        for bytes in [
            flipped(40),
            flipped(whole.len() - 1),
            longer,
            whole[..whole.len() / 2].to_vec(),
            Vec::new(),
            vec![0x90; 10_000],
        ] {
            fs::write(&entry, &bytes).unwrap();
            load();
            assert_ne!(fs::read(&entry).unwrap(), bytes, "what was tampered with was used");
        }
        Ok("compiled anew".to_owned())
    })
}

fn open_cache(_: Limits) -> Ended {
    with_cache(|cache, load| {
        let entry = entry(cache);
        // An entry that others can write to.
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
        load();
        assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600);
        // A directory that others can write to.
        fs::set_permissions(cache, fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(&entry, "garbage").unwrap();
        load();
        assert_eq!(fs::read(&entry).unwrap(), b"garbage");
        Ok("not used".to_owned())
    })
}

fn linked_cache(_: Limits) -> Ended {
    with_cache(|cache, load| {
        let entry = entry(cache);
        let outside = cache.with_file_name("outside");
        fs::write(&outside, "garbage").unwrap();
        fs::remove_file(&entry).unwrap();
        std::os::unix::fs::symlink(&outside, &entry).unwrap();
        load();
        assert_eq!(fs::read(&outside).unwrap(), b"garbage");
        let moved = cache.with_file_name("moved");
        fs::rename(cache, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, cache).unwrap();
        let before = fs::read_dir(&moved).unwrap().count();
        fs::remove_file(fs::read_dir(&moved).unwrap().next().unwrap().unwrap().path()).unwrap();
        load();
        assert_eq!(fs::read_dir(&moved).unwrap().count(), before - 1);
        Ok("not used".to_owned())
    })
}

/// Lengthens a configuration to one byte less than it may have: each number of two bytes takes many in memory.
pub fn crowd(job: &StandardJob) {
    let text = job.text(CLIENT);
    let (padding, rest) = ("{\"padding\": [0", text.trim_start().strip_prefix('{').unwrap());
    let room = (16 << 20) - 1 - padding.len() - rest.len() - "], ".len();
    let text = format!("{padding}{}{}], {rest}", ",0".repeat(room / 2), " ".repeat(room % 2));
    assert_eq!(text.len(), (16 << 20) - 1);
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
