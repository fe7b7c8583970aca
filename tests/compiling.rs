//! Compiling a component is bounded, in a thread of the process.

use std::time::Duration;

use flip_runtime::{Code, Error, Limits, Runtime};
use flip_wasm_tests::job::{CLIENT, StandardJob};
use flip_wasm_tests::{MISBEHAVING_FILTER, cache, slow_to_compile};

fn within(compile_time: Duration) -> Runtime {
    Runtime::builder().limits(Limits { compile_time, ..Limits::default() }).build().unwrap()
}

#[test]
fn compile_time_ends_a_component_that_takes_too_long_and_the_next_one_is_compiled() {
    let runtime = within(Duration::from_millis(100));
    let slow = slow_to_compile(60);
    assert!(slow.len() < 10_000);
    let Err(Error::Limit { component, reached }) = runtime.load_bytes("Slow", &slow) else { panic!() };
    assert_eq!((component.as_str(), reached.limit), ("Slow", "compile-time"));
    let patient = Runtime::builder().cache(cache()).build().unwrap();
    patient.load_bytes("MisbehavingFilter", MISBEHAVING_FILTER).unwrap();
    // What is built in is part of the program, and not in a hurry.
    within(Duration::ZERO).load("client-event-handler").unwrap();
}

#[test]
fn compilations_that_were_given_up_do_not_pile_up() {
    let runtime = within(Duration::ZERO);
    let slow = slow_to_compile(60);
    let mut errors = (0..6).map(|_| runtime.load_bytes("Slow", &slow).err().unwrap().to_string());
    assert!(errors.any(|error| error.contains("4 compilations took too long")), "one a core is enough");
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
    let error = slow_job("", "[components.slow]\nlimits = { component-size = 100 }").to_string();
    assert!(error.contains("limit component-size: 100 bytes"), "{error}");
}

#[test]
fn what_nobody_asked_for_was_compiled_before_its_digest_was_compared() {
    let pin = format!(r#", "sha256": "{}""#, "0".repeat(64));
    let error = slow_job(&pin, "[components.slow]\nlimits = { compile-time = \"0s\" }").to_string();
    assert!(error.contains(r#"key "sha256""#), "{error}");
}
