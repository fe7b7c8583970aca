//! Compiling a component is bounded, in a thread of the process and in a process of its own.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use flip_runtime::{Code, Compiler, Error, Limits, Runtime, compile_worker};
use flip_wasm_tests::hostile::shapes::{functions, growing_types, jumps};
use flip_wasm_tests::job::{CLIENT, StandardJob};
use flip_wasm_tests::{MISBEHAVING_FILTER, assert_limit, cache, slow_to_compile};

fn within(compile_time: Duration) -> Runtime {
    Runtime::builder().limits(Limits { compile_time, ..Limits::default() }).build().unwrap()
}

#[test]
fn compile_time_ends_a_component_that_takes_too_long_and_the_next_one_is_compiled() {
    let runtime = within(Duration::from_millis(100));
    let slow = slow_to_compile(60);
    assert!(slow.len() < 10_000);
    let Err(Error::Limit { component, reached, .. }) = runtime.load_bytes("Slow", &slow) else { panic!() };
    assert_eq!((component.as_str(), reached.limit), ("Slow", "compile-time"));
    let patient = Runtime::builder().cache(cache()).build().unwrap();
    patient.load_bytes("MisbehavingFilter", MISBEHAVING_FILTER).unwrap();
    // What is built in is part of the program, and not in a hurry.
    within(Duration::ZERO).load("client-event-handler").unwrap();
}

#[test]
pub fn compilations_that_were_given_up_do_not_pile_up() {
    // Threads that the compiler starts once for all are called like those that started them.
    Runtime::new().unwrap().load_bytes("Quick", &slow_to_compile(1)).unwrap();
    thread::sleep(Duration::from_millis(100));
    let (runtime, idle) = (within(Duration::ZERO), compiling());
    let slow = slow_to_compile(20);
    let load = || runtime.load_bytes("Slow", &slow).err().unwrap().to_string();
    let full = |error: String| error.contains("4 compilations took too long");
    assert!((0..6).any(|_| full(load())), "one a core is enough");
    // When they have come to their end, the next one is taken.
    let until = Instant::now() + Duration::from_secs(60);
    while compiling() > idle || full(load()) {
        assert!(Instant::now() < until, "they never ended");
        thread::sleep(Duration::from_millis(10));
    }
    while compiling() > idle {
        thread::sleep(Duration::from_millis(10));
    }
}

/// How many threads of this process compile, or are called so.
fn compiling() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "flip-compile").count()
}

/// The recorded job, whose filter is a file that takes long to compile.
fn slow_job(pin: &str, policy: &str) -> Error {
    let job = StandardJob::new();
    job.write("job/slow.wasm", slow_to_compile(60));
    let class = r#""path": "flip.nvflare.components.PercentilePrivacy""#;
    job.edit(CLIENT, class, &format!(r#""path": "wasm:slow.wasm"{pin}"#));
    job.run_alone(|options| options.policy = policy.parse().unwrap()).unwrap_err()
}

#[test]
fn the_limits_of_a_policy_are_for_compiling_too() {
    let error = slow_job("", "[components.slow]\nlimits = { compile-time = \"50ms\" }");
    assert_eq!(error.code(), Code::ComponentFailed, "the configuration was blamed");
    let error = error.to_string();
    assert!(error.contains("limit compile-time reached: 50ms allowed"), "{error}");
    assert!(error.contains("limits = { compile-time = ... } under [components.slow]"), "{error}");
    // The table of its id in the job.
    let by_id = "[components.percentile_privacy]\nlimits = { compile-time = \"50ms\" }";
    let error = slow_job("", by_id).to_string();
    assert!(error.contains("compile-time = ... } under [components.percentile_privacy] sets it"), "{error}");
    let error = slow_job("", "[components.slow]\nlimits = { component-size = 100 }").to_string();
    assert!(error.contains("limit component-size: 100 bytes"), "{error}");
}

#[test]
fn what_nobody_asked_for_was_compiled_before_its_digest_was_compared() {
    let pin = format!(r#", "sha256": "{}""#, "0".repeat(64));
    let error = slow_job(&pin, "[components.slow]\nlimits = { compile-time = \"0s\" }").to_string();
    assert!(error.contains(r#"key "sha256""#), "{error}");
}

/// The process that compiles is this program once more, as it runs this test.
#[test]
#[ignore = "is no test: others start it"]
fn worker() {
    let mut args = std::env::args_os().skip_while(|arg| arg != WORKER);
    if args.next().is_some() {
        std::process::exit(compile_worker(args).into());
    }
}

/// Comes before the arguments of the worker; as the name of a test it is that of none.
const WORKER: &str = "for-the-worker";

/// What is loaded in a process that may take so long, and so much memory.
#[track_caller]
fn assert_process_ends_at(wasm: &[u8], limits: &str, limit: &str) {
    let program = std::env::current_exe().unwrap();
    let args = ["--ignored", "--exact", "--nocapture", "compiling::worker", WORKER].map(Into::into);
    let compiler = Compiler::Process { program, args: args.into() };
    let runtime = Runtime::builder().compiler(compiler).limits(flip_wasm_tests::hostile::limits(limits));
    assert_limit(runtime.build().unwrap().load_bytes("hostile", wasm), limit);
}

#[test]
pub fn what_takes_too_long_to_compile_ends_its_process() {
    assert_process_ends_at(&slow_to_compile(300), "compile-time=200ms", "compile-time");
}

#[test]
pub fn what_takes_too_much_memory_to_compile_ends_its_process() {
    assert_process_ends_at(&slow_to_compile(300), "compile-memory=256MiB", "compile-memory");
}

#[test]
pub fn types_that_grow_end_the_process_that_reads_them() {
    assert_process_ends_at(&growing_types(), "compile-memory=256MiB", "compile-memory");
}

#[test]
pub fn a_million_functions_end_their_process() {
    assert_process_ends_at(&functions(1_000_000), "compile-time=200ms", "compile-time");
}

#[test]
pub fn tables_of_jumps_end_their_process() {
    assert_process_ends_at(&jumps(80, 128 << 10), "compile-time=200ms", "compile-time");
}
