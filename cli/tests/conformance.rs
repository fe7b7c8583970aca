//! Every built-in component passes the checks that hold for every component of its roles.

use crate::support::{Site, shown};
use flip_runtime::BUILTINS;

/// The args that a built-in works with.
fn args(name: &str) -> &'static str {
    match name {
        "percentile-privacy" => r#"{"percentile": 50, "gamma": 0.25}"#,
        "server-event-handler" | "persist-to-s3-and-cleanup" => {
            r#"{"model_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}"#
        }
        _ => "{}",
    }
}

#[test]
fn built_in_components_pass_the_conformance_checks() {
    let site = Site::new();
    let failures = BUILTINS.iter().filter_map(|builtin| {
        let output = site.output(&["test", builtin.name, "--conformance", "--args", args(builtin.name)]);
        (output.status.code() != Some(0)).then(|| format!("{}: {}", builtin.name, shown(&output)))
    });
    let failures: Vec<_> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_filter_that_misbehaves_fails_a_check_for_each_misdeed() {
    let site = Site::new();
    site.write("misbehaving.wasm", flip_wasm_tests::MISBEHAVING_FILTER);
    site.write("policy.toml", b"[components.misbehaving]\nmay-change = [\"names\"]\n");
    for (deed, check) in [
        (r#""loop""#, "determinism"),
        (r#""panic""#, "odd-data"),
        (r#""add-tensor""#, "types"),
        (r#""replace-backwards""#, "types"),
    ] {
        let args = format!(r#"{{"deed": {deed}}}"#);
        let command = ["test", "misbehaving.wasm", "--conformance", "--policy", "policy.toml"];
        let within = ["--limits", "call-time=300ms", "--args", &args];
        let output = site.output(&[&command[..], &within].concat());
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
        assert!(text.contains(&format!("FAILED  {check}: ")), "{deed}: {text}");
    }
}

/// What the checks say of the filter that does this deed, within its usual limits.
fn checked(deed: &str) -> String {
    let site = Site::new();
    site.write("misbehaving.wasm", flip_wasm_tests::MISBEHAVING_FILTER);
    let args = format!(r#"{{"deed": {deed}}}"#);
    let output = site.output(&["test", "misbehaving.wasm", "--conformance", "--args", &args]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_unknown_arg_that_is_accepted_is_told_although_the_calls_trap() {
    let text = checked(r#""panic""#);
    assert!(text.contains("FAILED  args: ") && text.contains("an unknown arg is accepted"), "{text}");
}

#[test]
fn a_filter_that_lets_data_out_where_it_reaches_a_limit_fails() {
    let text = checked(r#""shrug-at-limits""#);
    assert!(text.contains("FAILED  limits: "), "{text}");
    assert!(text.contains("with handles=5, call 1: it lets something else out"), "{text}");
}

#[test]
fn a_filter_that_traps_where_it_reaches_a_limit_fails() {
    let text = checked(r#""panic-at-limits""#);
    assert!(text.contains("FAILED  limits: "), "{text}");
    assert!(text.contains("with handles=5, call 1: it trapped"), "{text}");
}

#[test]
fn a_filter_that_needs_much_memory_for_small_data_fails() {
    let text = checked(r#"{"create-tensor": 200000000}"#);
    assert!(text.contains("FAILED  memory: ") && text.contains("bytes for small data"), "{text}");
}

#[test]
fn a_filter_that_holds_a_whole_update_in_its_memory_fails() {
    let text = checked(r#""hold-all""#);
    assert!(text.contains("FAILED  memory: "), "{text}");
    assert!(text.contains("bytes more for an update that is larger by 67108864"), "{text}");
}

#[test]
fn a_check_can_be_left_out_and_an_unknown_one_is_named() {
    let site = Site::new();
    let run = |skip| site.output(&["test", "client-event-handler", "--conformance", "--skip", skip]);
    let output = run("windows");
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8(output.stdout).unwrap().contains("windows"));
    let error = String::from_utf8(run("window").stderr).unwrap();
    assert!(error.contains("no check is called \"window\"; they are: args, "), "{error}");
}
